/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of a device: which session is served next.
 *
 * Ready sessions stand in one FIFO in the order of their kicks, each at most once. A kick is a push
 * on a lock-free stack by whoever kicks; the worker takes the whole stack and turns it over, so the
 * order is that of the pushes and submitters share nothing but one word.
 *
 * A session whose commands have been coming fast is *hot*: its event index is far away, it is not
 * asked to kick, and the worker looks at its tail itself. There are at most MILLRACE_HOT_MAX such
 * sessions; the worker looks at them before each turn, so that a polled session stands in the FIFO
 * at most one turn later than a kick would have put it there. A hot session without work for the
 * length of its window cools: its event index is armed, its next command needs a kick. The worker
 * may sleep when no session is hot. Sessions that are neither hot nor ready cost nothing.
 *
 * The window is what the client asked for at set-up, or adaptive: a kick that comes soon after the
 * cooling sets it to MILLRACE_WINDOW_NS, one that comes late halves it.
 *
 * A turn runs one group, and goes on with the same session's next ones, up to MILLRACE_TURN_MAX
 * commands, only while nobody else is ready or polled; then the session goes to the back of the FIFO.
 *
 * Thread-safety: millrace_sched_kick() from any context, all else by the worker.
 */
#ifndef MILLRACE_ENGINE_SCHED_H
#define MILLRACE_ENGINE_SCHED_H

#include "../ring/atomic.h"

struct millrace_device;
struct millrace_session;

#define MILLRACE_HOT_MAX   16
#define MILLRACE_TURN_MAX  256
#define MILLRACE_WINDOW_NS 50000ULL

struct millrace_sched {
	struct millrace_session *kicked; /* a stack, newest first; any context */
	struct millrace_session *first, **last; /* the FIFO */
	struct millrace_session *hot[MILLRACE_HOT_MAX];
	unsigned int hot_count;
	__u32 ready; /* sessions in the FIFO; others may look */
	unsigned int ticks;
};

/* A session's place in it. */
struct millrace_place {
	struct millrace_session *next_kicked;
	struct millrace_session *next;
	__u32 is_kicked;
	bool is_ready; /* in the FIFO */
	bool is_hot;
	bool is_fresh; /* served since the worker last looked at the clock */
	bool is_fixed; /* the window is not adaptive */
	__u64 since;   /* when it was last served; once cooled, when it cooled. ns */
	__u64 window;  /* ns */
};

void millrace_sched_init(struct millrace_sched *q);
void millrace_sched_place(struct millrace_session *s, __u32 poll_us);

/* The session has work, says its client. Returns true when the worker may have to be woken. */
bool millrace_sched_kick(struct millrace_session *s);

/* Serves the session whose turn it is. False: none is ready. */
bool millrace_sched_run(struct millrace_device *d);

/*
 * Serves @s now, called by its submitting side, if no session is waiting. False: it has to take its
 * turn, and the caller has to kick.
 */
bool millrace_sched_run_inline(struct millrace_session *s);

/* After millrace_sched_run() found nothing: true when no session is polled, the worker may sleep. */
bool millrace_sched_settle(struct millrace_device *d);

/* Takes a session out, for good; the caller sees to it that nobody kicks for it any more. */
void millrace_sched_remove(struct millrace_session *s);

#endif
