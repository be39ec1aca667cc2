// SPDX-License-Identifier: MIT
/*
 * The rows of the speed table that need the kernel home: run in a guest by run-kernel.
 *
 * With QEMU's -icount a nanosecond of the guest is an instruction: the rows named "count" are for
 * that and say how many a command takes, on both sides of the system call together.
 */
#include "common/bench.h"
#include "peers/peers.h"

static const struct bench_row rows[] = {
	{
		.name = "guest-spin",
		.title = "kernel home, batch 1, worker and client spinning",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_spinning, 1 },
			{ "io_uring SQPOLL", uring_sqpoll, 1 },
		},
		.claim = { { { "io_uring SQPOLL" }, false, 1.2, 2 } },
	},
	{
		.name = "guest-call",
		.title = "kernel home, batch 1, idle device, submit-and-wait in one call",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_inline, 1 },
			{ "io_uring enter", uring_enter, 1 },
			{ "io_uring DEFER_TASKRUN", uring_defer, 1 },
		},
		.claim = { { { "io_uring enter", "io_uring DEFER_TASKRUN" }, false, 1, 1.3 } },
	},
	{
		.name = "guest-batch16",
		.title = "kernel home, batch 16",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_inline, 16 },
			{ "io_uring enter", uring_enter, 16 },
			{ "io_uring DEFER_TASKRUN", uring_defer, 16 },
			{ "millrace, worker spinning", kernel_spinning, 16 },
			{ "io_uring SQPOLL", uring_sqpoll, 16 },
		},
		.claim = { { { "io_uring enter", "io_uring DEFER_TASKRUN" }, false, 1.2, 2 } },
	},
	{
		.name = "guest-seed",
		.title = "kernel home, batch 1, against the seed's design",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_default, 1 },
			{ "seed, client polling", seed_polling, 1 },
			{ "seed, client sleeping", seed_waiting, 1 },
			{ "millrace, worker spinning", kernel_spinning, 1 },
		},
		.claim = {
			{ { "seed, client polling" }, false, 10, 30 },
			{ { "seed, client sleeping" }, false, 10, 30 },
		},
	},
	{
		.name = "count1",
		.title = "instructions of a submit-and-wait call, batch 1",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_inline, 1 },
			{ "io_uring enter", uring_enter, 1 },
			{ "io_uring DEFER_TASKRUN", uring_defer, 1 },
		},
	},
	{
		.name = "count16",
		.title = "instructions of a submit-and-wait call, batch 16",
		.unit = "command",
		.peer = {
			{ "millrace", kernel_inline, 16 },
			{ "io_uring enter", uring_enter, 16 },
			{ "io_uring DEFER_TASKRUN", uring_defer, 16 },
		},
	},
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
