// SPDX-License-Identifier: MIT
/* boost::lockfree::spsc_queue, which holds its elements in itself and so works in shared memory. */
#include <boost/lockfree/spsc_queue.hpp>
#include <cerrno>
#include <new>

extern "C" {
#include "../common/bench.h"
}
#include "peers.h"

using queue = boost::lockfree::spsc_queue<uint64_t, boost::lockfree::capacity<RING_ENTRIES>>;

static unsigned int burst_size; // inherited by the partner

static void produce(void *arg)
{
	queue *q = static_cast<queue *>(arg);
	uint64_t values[BURST_MAX] = {};

	for (;;)
		if (!(burst_size == 1 ? q->push(values[0]) : q->push(values, burst_size)))
			__builtin_ia32_pause();
}

static void consume(queue *q, unsigned int left, unsigned int burst)
{
	uint64_t values[BURST_MAX];
	unsigned int n;

	while (left) {
		n = burst == 1 ? q->pop(values[0]) : q->pop(values, left < burst ? left : burst);
		left -= n;
		USE(values);
		if (!n)
			__builtin_ia32_pause();
	}
}

double ring_boost(unsigned int burst)
{
	void *memory = bench_shared(sizeof(queue));
	queue *q = memory ? new (memory) queue : nullptr;
	struct bench_timer t;
	pid_t pid;

	burst_size = burst;
	pid = q ? bench_fork(bench.far, produce, q) : -ENOMEM;
	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 4096);)
		consume(q, 4096, burst);
	bench_kill(pid);
	if (q)
		bench_unshare(memory, sizeof(queue));
	return pid > 0 ? bench_result(&t) : pid;
}
