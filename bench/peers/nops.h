/* SPDX-License-Identifier: MIT */
/* NOP commands through the library, whichever home serves them. */
#ifndef BENCH_PEERS_NOPS_H
#define BENCH_PEERS_NOPS_H

#include <millrace/millrace.h>
#include <stdlib.h>

#include "../../drivers/sample/sample.h"
#include "../common/bench.h"

static inline void nops_put(struct millrace_client *c, unsigned int n)
{
	struct millrace_slots slots;
	unsigned int i;

	if (millrace_queue_reserve_group(c, n, &slots))
		abort();
	for (i = 0; i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_NOP, i);
}

/* Takes all that is there. */
static inline unsigned int nops_take(struct millrace_client *c)
{
	struct millrace_slots slots;
	int n = millrace_queue_peek(c, &slots);

	if (n < 0 || (n && millrace_cqe(&slots, n - 1)->status))
		abort();
	millrace_queue_release(c, n);
	return n;
}

/* Submits a batch as one group and waits for all of it. */
static inline double nops_one_by_one(struct millrace_client *c, unsigned int batch)
{
	struct bench_timer t;
	int k;

	for (bench_start(&t); bench_goes_on(&t, 16 * batch);) {
		for (k = 0; k < 16; k++) {
			nops_put(c, batch);
			if (millrace_queue_submit_and_wait(c, batch, MILLRACE_FOREVER) < 0)
				abort();
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
			if (millrace_queue_submit(c) < 0)
				abort();
			flying += batch - nops_take(c);
			while (flying > ahead) {
				millrace_queue_wait(c, flying - ahead, MILLRACE_FOREVER);
				flying -= nops_take(c);
			}
		}
	}
	return bench_result(&t);
}

#endif
