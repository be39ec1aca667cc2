/* SPDX-License-Identifier: MIT */
/*
 * A session as the engine sees it: one open of a device by one client. A home embeds it.
 *
 * Life: init -> (setup, start) -> turns -> remove from the scheduler -> drain -> exit.
 *
 * What belongs to whom: fields marked "worker" to the worker (see device.h), fields marked "lock" to
 * whoever holds the completion lock. The lock may be taken in interrupts; under it nothing sleeps.
 *
 * The worker itself need not take it while no command is out: only commands for which the driver
 * returned MILLRACE_LATER complete elsewhere, and it is the worker who lets them out. It counts them in
 * `later`; a completer counts them in `later_done`, by a store-release that is the last it does to
 * what the lock protects. Where the two are equal, nobody is in the lock or will be. See turn.c.
 * Lock order: the home's own locks, then the completion lock; the buffer table's lock is taken alone.
 */
#ifndef MILLRACE_ENGINE_SESSION_H
#define MILLRACE_ENGINE_SESSION_H

#include "../ring/event.h"
#include "buffer.h"
#include "device.h"
#include "os.h"

enum millrace_slot_state {
	MILLRACE_SLOT_FREE,
	MILLRACE_SLOT_TAKEN,
};

/* A command in the home's private memory. Followed by its outputs, then its copy of the SQE. */
struct millrace_slot {
	struct millrace_cmd cmd;
	struct millrace_slot *next; /* in the list that it is in */
	__u64 user_data;
	int status;
	__u32 state;
	struct millrace_buffer *buffer[MILLRACE_SPANS];
	struct millrace_delay delay;
	__u64 words[];
};

struct millrace_counters {
	__u64 commands, groups, turns, inlined, kicks, stalls; /* worker */
	__u64 errors, wakeups;				       /* lock */
};

struct millrace_session {
	struct millrace_device *device;
	void *state; /* the driver's */
	__u32 error; /* enum millrace_error; set once */
	bool started;
	struct millrace_setup setup;
	struct millrace_client_area *client; /* shared */
	struct millrace_driver_area *driver; /* shared */
	struct millrace_buffer_table buffers;

	/* worker */
	struct millrace_place place;
	struct millrace_consumer sq;
	char *sqes;
	struct millrace_slot *free;
	__u32 free_count;
	__u32 later; /* commands let out */

	/* lock */
	millrace_lock_t lock;
	struct millrace_producer cq; /* .head: written by the worker, under the lock */
#ifdef __KERNEL__
	/* Like cq_event, but of those who wait in the home, and not for the client to write. */
	__u32 wait_event;
#endif
	char *cqes;
	struct millrace_slot *returned; /* completed by others than the worker */
	__u32 returned_count;
	__u32 later_done; /* commands that were let out and have completed; read by the worker */
	bool draining;

	char *slots;
	size_t slot_size;
	struct millrace_counters count;
};

/*
 * After publishing and the fence (E) behind it: whether somebody who waits in the home has asked to be
 * woken for it. A process home's clients all wait by cq_event.
 */
static inline bool millrace_session_awaited(const struct millrace_session *s, __u32 before,
					    __u32 now)
{
#ifdef __KERNEL__
	return millrace_event_due(millrace_load(&s->wait_event), before, now);
#else
	(void)s, (void)before, (void)now;
	return false;
#endif
}

/*
 * A process calls itself what it likes. What is logged and shown to others is printable ASCII, so that
 * it cannot begin a line of its own or speak to a terminal.
 */
static inline void millrace_clean_comm(char *comm)
{
	for (; *comm; comm++)
		if (*comm < ' ' || *comm > '~')
			*comm = '?';
}

/* Adds to a counter that one context writes and others read. */
#define millrace_count(counter, n) millrace_store(&(counter), millrace_load(&(counter)) + (n))

/* Tells the driver (open). */
int millrace_session_init(struct millrace_session *s, struct millrace_device *d);

/*
 * Checks a set-up request and fills in its answers but for the mmap offsets. -EINVAL: unknown ABI or
 * flag, non-zero reserved, entries or poll time that the device does not allow. -EBUSY: set up already.
 */
int millrace_session_setup(struct millrace_session *s, struct millrace_setup *setup);

/*
 * Makes the queue pair on two zeroed areas of the sizes that setup() gave. -ENOMEM. After it the
 * session may be kicked. The areas stay valid until exit().
 */
int millrace_session_start(struct millrace_session *s, const struct millrace_setup *setup,
			   void *client_area, void *driver_area);

/* Ends the session for its client: the error is seen once and for all, and the client is woken. */
void millrace_session_end(struct millrace_session *s, enum millrace_error error);

/* The errno that every call on the session returns, or 0. */
int millrace_session_errno(const struct millrace_session *s);

/*
 * Cancels what is on its way. False when commands are still out: millrace_home_drained() will be
 * called. No turn runs, and none will.
 */
bool millrace_session_drain(struct millrace_session *s);

/* Whether every command that was taken has completed. Any thread. */
bool millrace_session_drained(struct millrace_session *s);

/* Undoes start() and init(): frees what the engine holds, tells the driver (close). */
void millrace_session_exit(struct millrace_session *s);

/* Fills in everything but who the client is. Any thread, while the session lives. */
void millrace_session_stats(struct millrace_session *s, struct millrace_session_stats *stats);

/* turn.c: takes one group and runs it. Commands run, 0: none there, -EAGAIN: no room in the CQ, or
 * the error with which the session has ended. millrace_turn_flush() publishes what completed. */
int millrace_turn_group(struct millrace_session *s);
void millrace_turn_flush(struct millrace_session *s);

#endif
