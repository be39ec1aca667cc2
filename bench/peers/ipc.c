// SPDX-License-Identifier: MIT
/* What else two processes could use: they sleep, and the kernel wakes them. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../ring/atomic.h"
#include "../common/bench.h"
#include "peers.h"

/* ---- Descriptors ---- */

/* What is read comes from in, what is written goes to out; 8 bytes for eventfds, else 1. */
struct wires {
	int there[2], back[2]; /* read end, write end */
	size_t size;
};

static void echo_wire(void *arg)
{
	const struct wires *w = arg;
	uint64_t word;

	for (;;)
		if (read(w->there[0], &word, w->size) <= 0 ||
		    write(w->back[1], &word, w->size) <= 0)
			return;
}

static void ask_wire(const struct wires *w)
{
	uint64_t word = 1;

	if (write(w->there[1], &word, w->size) > 0 && read(w->back[0], &word, w->size) > 0)
		return;
}

static double measure_wires(struct wires *w, int cpu)
{
	pid_t pid = bench_fork(cpu, echo_wire, w);
	struct bench_timer t;
	int k;

	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 16);)
		for (k = 0; k < 16; k++)
			ask_wire(w);
	bench_kill(pid);
	close(w->there[0]);
	close(w->back[0]);
	if (w->there[1] != w->back[0])
		close(w->there[1]);
	if (w->back[1] != w->there[0])
		close(w->back[1]);
	return pid > 0 ? bench_result(&t) : pid;
}

static double measure_pipe(int cpu)
{
	struct wires w = { .size = 1 };

	if (pipe(w.there) || pipe(w.back))
		return -errno;
	return measure_wires(&w, cpu);
}

double pipe_near(unsigned int unused)
{
	(void)unused;
	return measure_pipe(bench.near);
}

double pipe_far(unsigned int unused)
{
	(void)unused;
	return measure_pipe(bench.far);
}

double unix_far(unsigned int unused)
{
	int ends[2];
	struct wires w = { .size = 1 };

	(void)unused;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	w.there[0] = w.back[1] = ends[0];
	w.there[1] = w.back[0] = ends[1];
	return measure_wires(&w, bench.far);
}

double eventfd_near(unsigned int unused)
{
	struct wires w = { .size = 8 };

	(void)unused;
	w.there[0] = w.there[1] = eventfd(0, 0);
	w.back[0] = w.back[1] = eventfd(0, 0);
	if (w.there[0] < 0 || w.back[0] < 0)
		return -errno;
	w.there[1] = dup(w.there[0]);
	w.back[1] = dup(w.back[0]);
	return measure_wires(&w, bench.near);
}

/* ---- Futexes ---- */

struct words {
	uint32_t there __attribute__((aligned(128)));
	uint32_t back __attribute__((aligned(128)));
};

static void futex_tell(uint32_t *word, uint32_t value)
{
	millrace_store_release(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_await(uint32_t *word, uint32_t value)
{
	uint32_t now;

	while ((now = millrace_load_acquire(word)) != value)
		syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void echo_futex(void *arg)
{
	struct words *w = arg;
	uint32_t i;

	for (i = 1;; i++) {
		futex_await(&w->there, i);
		futex_tell(&w->back, i);
	}
}

double futex_near(unsigned int unused)
{
	struct words *w = bench_shared(sizeof(*w));
	pid_t pid = w ? bench_fork(bench.near, echo_futex, w) : -ENOMEM;
	struct bench_timer t;
	uint32_t i = 0;
	int k;

	(void)unused;
	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 16);) {
		for (k = 0; k < 16; k++) {
			futex_tell(&w->there, ++i);
			futex_await(&w->back, i);
		}
	}
	bench_kill(pid);
	if (w)
		bench_unshare(w, sizeof(*w));
	return pid > 0 ? bench_result(&t) : pid;
}
