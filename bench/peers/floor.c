// SPDX-License-Identifier: MIT
/*
 * The floor: what the caches take to carry a line there and another one back.
 *
 * Two loops that spin can fall into step, and then a round trip takes anything between half and all
 * of what it takes on average, for as long as the loops run undisturbed. So the lines are changed
 * for others every now and then: each time the loops meet anew.
 */
#include <errno.h>

#include "../../ring/atomic.h"
#include "../common/bench.h"
#include "peers.h"

#define PAIRS  64 /* of lines */
#define ROUNDS 256 /* with one pair */

struct lines {
	uint32_t there __attribute__((aligned(128)));
	uint32_t back __attribute__((aligned(128)));
};

static struct lines *pair(struct lines *all, uint32_t i)
{
	return &all[i / ROUNDS % PAIRS];
}

static void echo(void *arg)
{
	struct lines *l;
	uint32_t i;

	for (i = 1;; i++) {
		l = pair(arg, i);
		while (millrace_load_acquire(&l->there) != i)
			millrace_relax();
		millrace_store_release(&l->back, i);
	}
}

static void echo_without_pause(void *arg)
{
	struct lines *l;
	uint32_t i;

	for (i = 1;; i++) {
		l = pair(arg, i);
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
	struct lines *l = bench_shared(PAIRS * sizeof(*l));
	pid_t pid = l ? bench_fork(bench.far, body, l) : -ENOMEM;
	struct bench_timer t;
	uint32_t i = 0, k;

	for (bench_start(&t); pid > 0 && bench_goes_on(&t, ROUNDS);)
		for (k = 0; k < ROUNDS; k++, i++)
			one(pair(l, i + 1), i + 1);
	bench_kill(pid);
	if (l)
		bench_unshare(l, PAIRS * sizeof(*l));
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
