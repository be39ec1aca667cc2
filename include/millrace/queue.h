/* SPDX-License-Identifier: MIT */
/*
 * millrace/queue.h - commands: fill, submit, wait, take.
 *
 *	struct millrace_slots sq, cq;
 *
 *	millrace_queue_setup(client, &(struct millrace_queue_params){ .entries = 256 });
 *	millrace_queue_reserve(client, 1, &sq);
 *	struct millrace_sqe *sqe = millrace_sqe(&sq, 0);
 *	millrace_sqe_prepare(sqe, opcode, user_data);
 *	sqe->param[0] = ...;
 *	millrace_queue_submit_and_wait(client, 1, MILLRACE_FOREVER);
 *	int n = millrace_queue_peek(client, &cq);
 *	... millrace_cqe(&cq, 0)->status, ->output[0] ...
 *	millrace_queue_release(client, n);
 *
 * The entries are read and written in place, in memory shared with the driver's home. While both
 * sides are awake nothing here makes a system call.
 *
 * Back-pressure: nothing is ever lost. reserve() says -EAGAIN when the SQ is full or when the CQ has
 * no room for one more completion: take completions, or wait for some, and try again.
 *
 * Thread-safety: the submitting side (reserve, submit, kick) belongs to one thread at a time, and so
 * does the completing side (wait, arm, peek, release); the two may be different threads. The calls
 * that submit and wait use both.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC; MILLRACE_FOREVER waits without limit; 0,
 * like any time in the past, looks once. Errors beyond those in millrace/client.h:
 *	-EAGAIN	    nothing there, or no room: not now.
 *	-ETIMEDOUT  the deadline passed before enough completions were there; those that are can be
 *		    taken.
 *	-EINTR	    a signal handler ran while the call slept: call again.
 *	-ENODEV, -EPROTO from the waiting calls come only after all completions that were there have
 *		    been taken.
 */
#ifndef MILLRACE_QUEUE_H
#define MILLRACE_QUEUE_H

#include <millrace/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0 for everything but @entries is a good choice. */
struct millrace_queue_params {
	__u32 entries;	  /* of the SQ; a power of two up to info->max_entries */
	__u32 cq_entries; /* of the CQ; 0: as many */
	__u32 poll_us;	  /* how long the home polls after a command: see MILLRACE_POLL_* */
	__u32 spin_us;	  /* how long waits of this client spin at most before they sleep (less after
			     spinning in vain); 0: MILLRACE_SPIN_US */
};

#define MILLRACE_SPIN_US    20U
#define MILLRACE_SPIN_NEVER ~0U

/* Makes the queue pair. -EBUSY: there is one. The params are only read during the call. */
int millrace_queue_setup(struct millrace_client *client,
			 const struct millrace_queue_params *params);

/* Changes spin_us; the completing side's. */
void millrace_queue_set_spin(struct millrace_client *client, __u32 spin_us);

/* A run of entries in a ring: entry i is at base + ((first + i) & mask) * size. */
struct millrace_slots {
	char *base;
	__u32 first;
	__u32 mask;
	__u32 size; /* bytes */
};

static inline void *millrace_slot(const struct millrace_slots *slots, __u32 i)
{
	return slots->base + (size_t)((slots->first + i) & slots->mask) * slots->size;
}

/* The i-th reserved command. Valid, and the caller's to write, until it is submitted. */
static inline struct millrace_sqe *millrace_sqe(const struct millrace_slots *slots, __u32 i)
{
	return (struct millrace_sqe *)millrace_slot(slots, i);
}

/* The i-th completion that was peeked. Valid until released; read-only memory. */
static inline const struct millrace_cqe *millrace_cqe(const struct millrace_slots *slots, __u32 i)
{
	return (const struct millrace_cqe *)millrace_slot(slots, i);
}

/* Fills in what every command has; the parameters are the caller's to set. */
static inline void millrace_sqe_prepare(struct millrace_sqe *sqe, __u16 opcode, __u64 user_data)
{
	sqe->opcode = opcode;
	sqe->flags = 0;
	sqe->reserved = 0;
	sqe->user_data = user_data;
}

/*
 * Reserves the next @n commands, each for itself. The entries hold what was in them before: set all.
 * Reservations add up until they are submitted. -EAGAIN: no room for that many, nothing is reserved.
 * -EINVAL: more than the ring has. -ENODEV, -EPROTO: the session has ended.
 */
int millrace_queue_reserve(struct millrace_client *client, __u32 n, struct millrace_slots *slots);

/*
 * The same for @n commands that are one group: nothing of another session runs between them. -E2BIG:
 * longer than info->max_group or one of the rings.
 */
int millrace_queue_reserve_group(struct millrace_client *client, __u32 n,
				 struct millrace_slots *slots);

/* Gives up what is reserved and not submitted. */
void millrace_queue_abandon(struct millrace_client *client);

/* Publishes all that is reserved, and kicks the driver's home if that sleeps. How many, or -errno. */
int millrace_queue_submit(struct millrace_client *client);

/*
 * Submits, then waits like millrace_queue_wait(): at most one system call for both. With nothing
 * reserved it only waits.
 */
int millrace_queue_submit_and_wait(struct millrace_client *client, __u32 min, __u64 deadline);

/*
 * Completions that are there, in the order in which they completed. How many; 0 when there is none.
 * After a wait it is at least as many as that returned; what comes later is seen once these have been
 * released. They stay until they are.
 */
int millrace_queue_peek(struct millrace_client *client, struct millrace_slots *slots);

/*
 * Waits until at least @min completions are there: spins first, then sleeps. How many there are.
 * -EINVAL: @min is 0 or larger than the CQ.
 */
int millrace_queue_wait(struct millrace_client *client, __u32 min, __u64 deadline);

/* Gives the first @n peeked completions back to the ring; at most as many as the last peek said. */
void millrace_queue_release(struct millrace_client *client, __u32 n);

/*
 * For event loops. The descriptor (one for the client's life, not to be closed, read or written by the
 * caller) becomes readable when a completion is there and millrace_queue_arm() asked for it, and shows
 * POLLERR or POLLHUP when the session has ended. arm() before each time it is polled: 0: armed, and
 * nothing is there yet; 1: there is something to take, do not poll; or -ENODEV, -EPROTO.
 */
int millrace_queue_fd(const struct millrace_client *client);
int millrace_queue_arm(struct millrace_client *client);

/*
 * Has an eventfd of the caller's signalled as well, whenever an armed completion comes or the session
 * ends; -1 stops it. The caller keeps the descriptor. -EBADF, -EINVAL: it is no eventfd.
 */
int millrace_queue_set_eventfd(struct millrace_client *client, int eventfd);

#ifdef __cplusplus
}
#endif

#endif
