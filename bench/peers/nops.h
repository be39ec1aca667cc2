/* SPDX-License-Identifier: MIT */
/* NOP commands through the library, whichever home serves them. */
#ifndef BENCH_PEERS_NOPS_H
#define BENCH_PEERS_NOPS_H

#include <errno.h>
#include <millrace/millrace.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../drivers/sample/sample.h"
#include "../common/bench.h"

/* No error is expected here: what comes after one would not be worth measuring. */
static inline void nops_expect(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "%s: error %d\n", what, -ret);
	abort();
}

static inline void nops_put(struct millrace_client *c, unsigned int n)
{
	struct millrace_slots slots;
	unsigned int i;

	nops_expect(millrace_queue_reserve_group(c, n, &slots), "reserve");
	for (i = 0; i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_NOP, i);
}

/* Takes all that is there. */
static inline unsigned int nops_take(struct millrace_client *c)
{
	struct millrace_slots slots;
	int n = millrace_queue_peek(c, &slots);

	nops_expect(n, "peek");
	if (n)
		nops_expect(millrace_cqe(&slots, n - 1)->status, "completion");
	millrace_queue_release(c, n);
	return n;
}

/* A peer that was before may have left work that the kernel does in our name: that interrupts. */
static inline void nops_submit_and_wait(struct millrace_client *c, unsigned int n)
{
	int ret;

	do
		ret = millrace_queue_submit_and_wait(c, n, MILLRACE_FOREVER);
	while (ret == -EINTR);
	nops_expect(ret, "wait");
}

/* Submits a batch as one group and waits for all of it. */
static inline double nops_one_by_one(struct millrace_client *c, unsigned int batch)
{
	struct bench_timer t;
	int k;

	for (bench_start(&t); bench_goes_on(&t, 16 * batch);) {
		for (k = 0; k < 16; k++) {
			nops_put(c, batch);
			nops_submit_and_wait(c, batch);
			nops_take(c);
		}
	}
	return bench_result(&t);
}

/* Goes on submitting while at most @ahead commands are on their way. */
static inline double nops_pipelined(struct millrace_client *c, unsigned int batch, unsigned int ahead)
{
	unsigned int flying = 0, k;
	struct bench_timer t;

	for (bench_start(&t); bench_goes_on(&t, 16 * batch);) {
		for (k = 0; k < 16; k++) {
			nops_put(c, batch);
			nops_expect(millrace_queue_submit(c), "submit");
			flying += batch - nops_take(c);
			while (flying > ahead) {
				nops_expect(millrace_queue_wait(c, flying - ahead, MILLRACE_FOREVER), "wait");
				flying -= nops_take(c);
			}
		}
	}
	return bench_result(&t);
}

#endif
