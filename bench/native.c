// SPDX-License-Identifier: MIT
/* The rows of the speed table that run on this machine as it is. */
#include "common/bench.h"
#include "peers/peers.h"

static const struct bench_row rows[] = {
	{
		.name = "single",
		.title = "one command there and back, both sides spinning, process home",
		.unit = "command",
		.peer = {
			{ "millrace", millrace_spinning, 1 },
			{ "floor", floor_lines, 0 },
			{ "floor without PAUSE", floor_lines_without_pause, 0 },
			{ "io_uring SQPOLL", uring_sqpoll, 1 },
			{ "io_uring enter", uring_enter, 1 },
			{ "pipe", pipe_far, 0 },
			{ "UNIX socket", unix_far, 0 },
		},
		.claim = {
			{ { "floor", "floor without PAUSE" }, true, 1.6, 1.3 },
			{ { "io_uring SQPOLL" }, false, 1.3, 2 },
		},
	},
	{
		.name = "group64",
		.title = "NOP commands in groups of 64, process home",
		.unit = "command",
		.peer = {
			{ "millrace", millrace_pipelined, 64 },
			{ "millrace, one group at a time", millrace_spinning, 64 },
			{ "io_uring enter", uring_enter, 64 },
			{ "io_uring DEFER_TASKRUN", uring_defer, 64 },
			{ "io_uring SQPOLL", uring_sqpoll_pipelined, 64 },
			{ "(floor, one round trip)", floor_lines, 0 },
		},
		.claim = {
			{ { "io_uring enter", "io_uring DEFER_TASKRUN", "io_uring SQPOLL" }, false, 1.5, 3 },
		},
	},
	{
		.name = "ring256",
		.title = "raw ring, 8-byte elements in bursts of 256",
		.unit = "element",
		.peer = {
			{ "millrace", ring_millrace, 256 },
			{ "rte_ring", ring_dpdk, 256 },
			{ "spsc_queue", ring_boost, 256 },
			{ "(floor, one round trip)", floor_lines, 0 },
		},
		.claim = { { { "rte_ring", "spsc_queue" }, false, 1, 1.3 } },
	},
	{
		.name = "ring32",
		.title = "raw ring, 8-byte elements in bursts of 32 (for information)",
		.unit = "element",
		.peer = {
			{ "millrace", ring_millrace, 32 },
			{ "rte_ring", ring_dpdk, 32 },
			{ "spsc_queue", ring_boost, 32 },
			{ "(floor, one round trip)", floor_lines, 0 },
		},
	},
	{
		.name = "ring1",
		.title = "raw ring, 8-byte elements one by one (for information)",
		.unit = "element",
		.peer = {
			{ "millrace", ring_millrace, 1 },
			{ "rte_ring", ring_dpdk, 1 },
			{ "spsc_queue", ring_boost, 1 },
			{ "(floor, one round trip)", floor_lines, 0 },
		},
	},
	{
		.name = "sleep",
		.title = "one command there and back, both sides sleeping, same processor",
		.unit = "command",
		.peer = {
			{ "millrace", millrace_sleeping, 1 },
			{ "futex", futex_near, 0 },
			{ "eventfd", eventfd_near, 0 },
			{ "pipe", pipe_near, 0 },
		},
		.claim = { { { "futex" }, true, 1.2, 1.05 } },
	},
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
