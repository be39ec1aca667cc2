// SPDX-License-Identifier: MIT
/* DPDK's rte_ring with one producer and one consumer, without its EAL. */
#include <errno.h>
#include <rte_ring.h>

#include "../common/bench.h"
#include "peers.h"

static unsigned int burst_size; /* inherited by the partner */

static void produce(void *arg)
{
	uint64_t values[BURST_MAX] = { 0 };
	struct rte_ring *r = arg;

	for (;;)
		if (!rte_ring_sp_enqueue_burst_elem(r, values, sizeof(values[0]), burst_size, NULL))
			rte_pause();
}

static void consume(struct rte_ring *r, unsigned int left, unsigned int burst)
{
	uint64_t values[BURST_MAX];
	unsigned int n;

	while (left) {
		n = rte_ring_sc_dequeue_burst_elem(r, values, sizeof(values[0]),
						   left < burst ? left : burst, NULL);
		left -= n;
		USE(values);
		if (!n)
			rte_pause();
	}
}

double ring_dpdk(unsigned int burst)
{
	size_t size = rte_ring_get_memsize_elem(sizeof(uint64_t), RING_ENTRIES);
	struct rte_ring *r = bench_shared(size);
	struct bench_timer t;
	pid_t pid = -ENOMEM;

	burst_size = burst;
	if (r && !rte_ring_init(r, "bench", RING_ENTRIES, RING_F_SP_ENQ | RING_F_SC_DEQ))
		pid = bench_fork(bench.far, produce, r);
	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 4096);)
		consume(r, 4096, burst);
	bench_kill(pid);
	if (r)
		bench_unshare(r, size);
	return pid > 0 ? bench_result(&t) : pid;
}
