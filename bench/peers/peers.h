/* SPDX-License-Identifier: MIT */
/*
 * The peers: each function is a slice (see common/bench.h). @batch: operations that are submitted
 * together; one that takes none ignores it.
 */
#ifndef BENCH_PEERS_PEERS_H
#define BENCH_PEERS_PEERS_H

#ifdef __cplusplus
extern "C" {
#endif

/* floor.c: two cache lines between two processors, one round trip. */
double floor_lines(unsigned int unused);	    /* spinning with PAUSE */
double floor_lines_without_pause(unsigned int unused); /* and without */

/* millrace.c: NOP commands to millrace-host's sample driver in a process of its own. */
double millrace_spinning(unsigned int batch);	/* on the far processor; the client waits for each batch */
double millrace_pipelined(unsigned int batch);	/* the same with up to four batches on their way */
double millrace_sleeping(unsigned int batch);	/* on the near processor, neither side ever spins */

/* kernel.c: the same with the sample driver's module, in a guest. */
double kernel_spinning(unsigned int batch); /* the worker on the far processor and the client spin */
double kernel_inline(unsigned int batch);   /* idle device: one call submits, runs and waits */
double kernel_default(unsigned int batch);  /* with the parameters that one gets by naming none */

/* seed.c: the design of fast_driver, see kernel/seed_peer.c. */
double seed_polling(unsigned int batch); /* the client polls its completion ring */
double seed_waiting(unsigned int batch); /* or sleeps in an ioctl */

/* uring.c: NOPs. */
double uring_enter(unsigned int batch);		/* one io_uring_enter submits and waits */
double uring_defer(unsigned int batch);		/* the same, SINGLE_ISSUER | DEFER_TASKRUN */
double uring_sqpoll(unsigned int batch);	/* the kernel's thread polls on the far processor */
double uring_sqpoll_pipelined(unsigned int batch);

/* ipc.c: a byte there and back. */
double futex_near(unsigned int unused); /* between processes on the near processor */
double pipe_near(unsigned int unused);
double eventfd_near(unsigned int unused);
double pipe_far(unsigned int unused); /* between the two processors */
double unix_far(unsigned int unused);

/* ring.c, dpdk.c, boost.cpp: elements of 8 bytes from the far to the near processor, in bursts. */
double ring_millrace(unsigned int burst);
double ring_dpdk(unsigned int burst);
double ring_boost(unsigned int burst);

#define RING_ENTRIES 4096u
#define BURST_MAX    256u

/* Has the compiler believe that what @p points to is read: or it would not fetch it. */
#define USE(p) __asm__ volatile("" ::"r"(p) : "memory")

#ifdef __cplusplus
}
#endif

#endif
