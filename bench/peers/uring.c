// SPDX-License-Identifier: MIT
/* io_uring: NOPs through liburing, in the ways that it offers. */
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <unistd.h>

#include "../../ring/atomic.h"
#include "../common/bench.h"
#include "peers.h"

#define ENTRIES 256

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

static int ring_open(struct io_uring *ring, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	int err;

	if (!(flags & IORING_SETUP_SQPOLL))
		return io_uring_queue_init_params(ENTRIES, ring, &params);
	if (bench.far < 0)
		return -ENXIO;
	params.flags |= IORING_SETUP_SQ_AFF;
	params.sq_thread_cpu = bench.far;
	params.sq_thread_idle = 1000; /* ms */
	bench_pin(bench.far); /* the kernel's thread is born there */
	err = io_uring_queue_init_params(ENTRIES, ring, &params);
	bench_pin(bench.near);
	usleep(1000);
	return err;
}

/* The polling thread lets go of SQEs after it has completed them: there may be none for a moment. */
static void put_nops(struct io_uring *ring, unsigned int n)
{
	struct io_uring_sqe *sqe;

	while (n--) {
		while (!(sqe = io_uring_get_sqe(ring)))
			millrace_relax();
		io_uring_prep_nop(sqe);
	}
}

/* Takes what is there. */
static unsigned int take(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(ring, head, cqe)
		n++;
	if (n)
		io_uring_cq_advance(ring, n);
	return n;
}

static double measure_enter(unsigned int batch, unsigned int flags)
{
	struct io_uring ring;
	struct bench_timer t;
	int err = ring_open(&ring, flags), k;

	if (err)
		return err;
	for (bench_start(&t); bench_goes_on(&t, 16 * batch);) {
		for (k = 0; k < 16; k++) {
			put_nops(&ring, batch);
			io_uring_submit_and_wait(&ring, batch);
			take(&ring);
		}
	}
	io_uring_queue_exit(&ring);
	return bench_result(&t);
}

double uring_enter(unsigned int batch)
{
	return measure_enter(batch, 0);
}

double uring_defer(unsigned int batch)
{
	return measure_enter(batch, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* Spins until at most @left are on their way. How many are. */
static unsigned int await(struct io_uring *ring, unsigned int flying, unsigned int left)
{
	for (;;) {
		flying -= take(ring);
		if (flying <= left)
			return flying;
		millrace_relax();
	}
}

static double measure_sqpoll(unsigned int batch, unsigned int ahead)
{
	struct io_uring ring;
	struct bench_timer t;
	unsigned int flying = 0, k;
	int err = ring_open(&ring, IORING_SETUP_SQPOLL);

	if (err)
		return err;
	for (bench_start(&t); bench_goes_on(&t, 16 * batch);) {
		for (k = 0; k < 16; k++) {
			put_nops(&ring, batch);
			io_uring_submit(&ring);
			flying = await(&ring, flying + batch, ahead);
		}
	}
	await(&ring, flying, 0);
	io_uring_queue_exit(&ring);
	return bench_result(&t);
}

double uring_sqpoll(unsigned int batch)
{
	return measure_sqpoll(batch, 0);
}

double uring_sqpoll_pipelined(unsigned int batch)
{
	return measure_sqpoll(batch, 3 * batch <= ENTRIES - batch ? 3 * batch : 0);
}
