// SPDX-License-Identifier: MIT
/* The floor: what the caches take to carry a line there and another one back. */
#include <errno.h>

#include "../../ring/atomic.h"
#include "../common/bench.h"
#include "peers.h"

struct lines {
	uint32_t there __attribute__((aligned(128)));
	uint32_t back __attribute__((aligned(128)));
};

static void echo(void *arg)
{
	struct lines *l = arg;
	uint32_t i;

	for (i = 1;; i++) {
		while (millrace_load_acquire(&l->there) != i)
			millrace_relax();
		millrace_store_release(&l->back, i);
	}
}

static void echo_without_pause(void *arg)
{
	struct lines *l = arg;
	uint32_t i;

	for (i = 1;; i++) {
		while (millrace_load_acquire(&l->there) != i)
			;
		millrace_store_release(&l->back, i);
	}
}

static void ask(struct lines *l, uint32_t i)
{
	millrace_store_release(&l->there, i);
	while (millrace_load_acquire(&l->back) != i)
		millrace_relax();
}

static void ask_without_pause(struct lines *l, uint32_t i)
{
	millrace_store_release(&l->there, i);
	while (millrace_load_acquire(&l->back) != i)
		;
}

static inline __attribute__((always_inline)) double measure(void (*body)(void *),
							    void (*one)(struct lines *, uint32_t))
{
	struct lines *l = bench_shared(sizeof(*l));
	pid_t pid = l ? bench_fork(bench.far, body, l) : -ENOMEM;
	struct bench_timer t;
	uint32_t i = 0, k;

	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 256);)
		for (k = 0; k < 256; k++)
			one(l, ++i);
	bench_kill(pid);
	if (l)
		bench_unshare(l, sizeof(*l));
	return pid > 0 ? bench_result(&t) : pid;
}

double floor_lines(unsigned int unused)
{
	(void)unused;
	return measure(echo, ask);
}

double floor_lines_without_pause(unsigned int unused)
{
	(void)unused;
	return measure(echo_without_pause, ask_without_pause);
}
