/* SPDX-License-Identifier: MIT */
/* What seed_peer.ko and its client share. */
#ifndef BENCH_KERNEL_SEED_PEER_H
#define BENCH_KERNEL_SEED_PEER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SEED_ENTRIES 256u
#define SEED_PARAMS  4
#define SEED_OUTPUTS 1

struct seed_control {
	__u32 command;
	__u32 count;
	__u64 param[SEED_PARAMS];
};

struct seed_output {
	__u64 value[SEED_OUTPUTS];
};

/* Two rings of one process, in one mapping; indices run freely. */
struct seed_rings {
	__u32 submit_head, submit_tail;
	__u32 complete_head, complete_tail;
	struct seed_control submit[SEED_ENTRIES];
	struct seed_output complete[SEED_ENTRIES];
};

#define SEED_IOC_SUBMIT _IO('S', 1)	   /* there is work: wakes the thread */
#define SEED_IOC_WAIT	_IOW('S', 2, __u32) /* sleeps until so many outputs are there */

#endif
