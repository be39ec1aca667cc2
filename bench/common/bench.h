/* SPDX-License-Identifier: MIT */
/*
 * How things are compared here.
 *
 * A row is a set of peers that do the same work. They take turns: in each round every peer runs once
 * for a short slice, so that whatever else the machine does meets all of them alike. A ratio is
 * taken within a round; its median over all rounds is the result and the quartiles are its spread.
 *
 * A peer's slice() sets up everything it needs, runs for bench.slice nanoseconds, takes everything
 * down again and returns nanoseconds per operation. A negative result is an -errno: this peer cannot
 * run here, and it is left out with that reason.
 *
 * Two processors are used: bench.near, where the slice itself runs, and bench.far for its partner.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define BENCH_PEERS  10
#define BENCH_CLAIMS 4

struct bench_peer {
	const char *name;
	double (*slice)(unsigned int arg);
	unsigned int arg; /* mostly: operations in a batch */
};

/*
 * What is claimed of a row's first peer: that its time is at most (@at_most) @reach times that of the
 * best of the peers named in @against, or else that it is at least @reach times as fast.
 */
struct bench_claim {
	const char *against[4];
	bool at_most;
	double reach, aim;
};

struct bench_row {
	const char *name;
	const char *title;
	const char *unit; /* of work: what the nanoseconds are of */
	struct bench_peer peer[BENCH_PEERS];
	struct bench_claim claim[BENCH_CLAIMS];
};

struct bench {
	int near, far;	/* processors; far is -1 when there is only one */
	uint64_t slice; /* ns */
	unsigned int rounds;
	bool realtime; /* run with SCHED_FIFO: other work on the machine disturbs less */
};

extern struct bench bench;

/* Runs all rows (or those that the options name); main() is this call. Returns an exit status. */
int bench_main(int argc, char **argv, const struct bench_row *rows, size_t count);

static inline uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/*
 * The time loop of a slice:
 *	for (bench_start(&t); bench_goes_on(&t, n);) ... do n operations ...
 *	return bench_result(&t);
 * The first tenth warms up and is not counted.
 */
struct bench_timer {
	uint64_t start, end, last;
	uint64_t count;
	bool warm;
};

void bench_start(struct bench_timer *t);
bool bench_goes_on(struct bench_timer *t, unsigned int n);
double bench_result(const struct bench_timer *t);

/* ---- Processes and processors (process.c) ---- */

void bench_pin(int cpu);
/* Moves the thread of that name, any process's, to @cpu. 0 or -errno. */
int bench_pin_thread(const char *name, int cpu);
/* Forks a partner that runs @body on @cpu until it is killed. Its pid, or -errno. */
pid_t bench_fork(int cpu, void (*body)(void *arg), void *arg);
/* Forks and executes a program on @cpu; its output is dropped. */
pid_t bench_spawn(int cpu, const char *const argv[]);
void bench_kill(pid_t pid);
/* Zeroed memory that is shared with partners; NULL: there is none. */
void *bench_shared(size_t size);
void bench_unshare(void *p, size_t size);

/* ---- Results (report.c) ---- */

struct bench_spread {
	double min, p25, median, p75, max;
};

/* Sorts @values. */
struct bench_spread bench_spread(double *values, size_t n);

struct bench_results;
struct bench_results *bench_results_new(void);
/* @ns[peer][round]; a peer that could not run has a negative errno in its first place. */
void bench_results_add(struct bench_results *r, const struct bench_row *row, double **ns);
/* Prints nothing; 0 or -errno. */
int bench_results_write(struct bench_results *r, const char *path);

#endif
