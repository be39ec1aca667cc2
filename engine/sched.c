// SPDX-License-Identifier: MIT
#include "sched.h"

#include "home.h"
#include "session.h"

/* The hot sessions are held against the clock once in this many looks. */
#define TICKS 16

void millrace_sched_init(struct millrace_sched *q)
{
	*q = (struct millrace_sched){ 0 };
	q->last = &q->first;
}

void millrace_sched_place(struct millrace_session *s, __u32 poll_us)
{
	struct millrace_place *p = &s->place;

	*p = (struct millrace_place){ 0 };
	p->is_fixed = poll_us != MILLRACE_POLL_ADAPTIVE;
	if (p->is_fixed && poll_us != MILLRACE_POLL_NEVER)
		p->window = (__u64)poll_us * 1000;
}

bool millrace_sched_kick(struct millrace_session *s)
{
	struct millrace_sched *q = &s->device->sched;
	struct millrace_session *first;

	/* Sticky: whoever finds it set knows that the worker has not looked yet, and will. */
	if (millrace_exchange(&s->place.is_kicked, 1U))
		return false;
	do {
		first = millrace_load(&q->kicked);
		millrace_store(&s->place.next_kicked, first);
	} while (!millrace_swap_if(&q->kicked, first, s));
	return true;
}

static void append(struct millrace_sched *q, struct millrace_session *s)
{
	if (s->place.is_ready)
		return;
	s->place.is_ready = true;
	s->place.next = NULL;
	*q->last = s;
	q->last = &s->place.next;
	millrace_store(&q->ready, q->ready + 1);
}

static struct millrace_session *pop(struct millrace_sched *q)
{
	struct millrace_session *s = q->first;

	if (!s)
		return NULL;
	q->first = s->place.next;
	if (!q->first)
		q->last = &q->first;
	s->place.is_ready = false;
	millrace_store(&q->ready, q->ready - 1);
	return s;
}

/* A kick of a session that had cooled says whether polling it on would have paid. */
static void adapt(struct millrace_place *p)
{
	if (p->is_fixed || p->is_hot)
		return;
	if (millrace_home_clock() - p->since < MILLRACE_WINDOW_NS)
		p->window = MILLRACE_WINDOW_NS;
	else
		p->window = p->window / 2 < MILLRACE_WINDOW_NS / 8 ? 0 : p->window / 2;
}

/* Moves those who have kicked into the FIFO, the oldest kick first. */
static void collect_kicked(struct millrace_sched *q)
{
	struct millrace_session *s, *next, *oldest = NULL;

	for (s = millrace_exchange(&q->kicked, NULL); s; s = next) {
		next = s->place.next_kicked;
		s->place.next_kicked = oldest;
		oldest = s;
	}
	for (s = oldest; s; s = next) {
		next = s->place.next_kicked;
		/* Full order: a kick that comes from here on is a new one, what came before is seen. */
		millrace_exchange(&s->place.is_kicked, 0U);
		millrace_count(s->count.kicks, 1);
		adapt(&s->place);
		append(q, s);
	}
}

static inline void collect(struct millrace_sched *q)
{
	if (millrace_load(&q->kicked))
		collect_kicked(q);
}

/* Moves the polled sessions that have something new into the FIFO. */
static void sweep(struct millrace_sched *q)
{
	unsigned int i;

	for (i = 0; i < q->hot_count; i++)
		if (!q->hot[i]->place.is_ready && millrace_consumer_pending(&q->hot[i]->sq))
			append(q, q->hot[i]);
}

static void leave_hot(struct millrace_sched *q, struct millrace_session *s)
{
	unsigned int i;

	if (!s->place.is_hot)
		return;
	s->place.is_hot = false;
	for (i = 0; q->hot[i] != s; i++)
		;
	q->hot[i] = q->hot[--q->hot_count];
}

/*
 * From now on the session has to kick. If something came before it could know: into the FIFO.
 *
 * The turn's completions are published only after the event index, so that whatever the client submits
 * in answer to them comes with a kick, and stands in the FIFO exactly where it belongs.
 */
static void ask_for_kick(struct millrace_sched *q, struct millrace_session *s)
{
	millrace_event_arm(&s->driver->sq_event.value, s->sq.head); /* (F), pairs with (E) */
	if (millrace_consumer_pending(&s->sq))
		append(q, s);
	millrace_turn_flush(s);
}

static void cool(struct millrace_sched *q, struct millrace_session *s)
{
	leave_hot(q, s);
	s->place.since = millrace_home_clock();
	ask_for_kick(q, s);
}

/* The session's SQ is empty: poll it for a while, or have it kick. */
static inline void rest(struct millrace_sched *q, struct millrace_session *s)
{
	s->place.is_fresh = true;
	if (!s->place.is_hot && (!s->place.window || q->hot_count == MILLRACE_HOT_MAX)) {
		cool(q, s);
		return;
	}
	millrace_turn_flush(s);
	if (s->place.is_hot)
		return;
	s->place.is_hot = true;
	q->hot[q->hot_count++] = s;
	millrace_event_disarm(&s->driver->sq_event.value, s->sq.head);
}

/* Cools the polled sessions whose window is over. */
static void check_windows(struct millrace_sched *q)
{
	__u64 now = millrace_home_clock();
	unsigned int i;

	for (i = q->hot_count; i-- > 0;) {
		struct millrace_session *s = q->hot[i];

		if (s->place.is_fresh)
			s->place.since = now;
		s->place.is_fresh = false;
		if (!s->place.is_ready && (__s64)(now - s->place.since) > (__s64)s->place.window)
			cool(q, s);
	}
}

/* Whether somebody else could be waiting for the end of this session's turn. */
static bool alone(const struct millrace_device *d, const struct millrace_session *s)
{
	return !millrace_sched_waiting(d) && d->sched.hot_count <= s->place.is_hot;
}

/* One turn. 0: it left nothing; 1: there is more; or the error of millrace_turn_group(). */
static inline int turn(struct millrace_session *s)
{
	struct millrace_device *d = s->device;
	__u32 ran = 0;
	int ret;

	millrace_count(s->count.turns, 1);
	do {
		ret = millrace_turn_group(s);
		if (ret <= 0)
			return ret;
		ran += ret;
		if (!millrace_consumer_available(&s->sq) && !millrace_consumer_pending(&s->sq))
			return 0;
	} while (ran < MILLRACE_TURN_MAX && alone(d, s));
	return 1;
}

/* Finds the session's place after its turn, and publishes what it completed. */
static inline void after(struct millrace_sched *q, struct millrace_session *s, int ret)
{
	if (ret > 0) {
		collect(q); /* who kicked during the turn comes first */
		append(q, s);
		millrace_turn_flush(s);
	} else if (ret == 0) {
		rest(q, s);
	} else {
		/* It has ended, or waits for its client to make room and say so by a kick. */
		if (ret == -EAGAIN)
			millrace_count(s->count.stalls, 1);
		leave_hot(q, s);
		millrace_event_arm(&s->driver->sq_event.value, s->sq.tail);
		millrace_turn_flush(s);
	}
}

/* Who is next. When one session is polled and nobody waits, that takes no FIFO. */
static inline struct millrace_session *next(struct millrace_sched *q)
{
	collect(q);
	if (q->hot_count == 1 && !q->first)
		return millrace_consumer_pending(&q->hot[0]->sq) ? q->hot[0] : NULL;
	sweep(q);
	return pop(q);
}

bool millrace_sched_run(struct millrace_device *d)
{
	struct millrace_sched *q = &d->sched;
	struct millrace_session *s = next(q);

	if (!s)
		return false;
	after(q, s, turn(s));
	if (q->hot_count && ++q->ticks % (4 * TICKS) == 0)
		check_windows(q);
	return true;
}

bool millrace_sched_run_inline(struct millrace_session *s)
{
	struct millrace_sched *q = &s->device->sched;
	__u64 groups = s->count.groups;
	int ret;

	if (millrace_sched_waiting(s->device) || s->place.is_hot ||
	    (s->place.is_fixed && s->place.window))
		return false;
	ret = turn(s);
	millrace_count(s->count.inlined, s->count.groups - groups);
	if (ret) {
		after(q, s, ret);
		return true;
	}
	/*
	 * It was not polled and is not now; reading the clock could cost more than the turn. The
	 * submitting side is in this very call, so nothing is published meanwhile that would have to
	 * be ordered against the event index, or looked for.
	 */
	millrace_store(&s->driver->sq_event.value, s->sq.head);
	millrace_turn_flush(s);
	return true;
}

bool millrace_sched_settle(struct millrace_device *d)
{
	struct millrace_sched *q = &d->sched;

	if (q->hot_count && ++q->ticks % TICKS == 0)
		check_windows(q);
	return !q->hot_count && !millrace_sched_waiting(d);
}

void millrace_sched_remove(struct millrace_session *s)
{
	struct millrace_sched *q = &s->device->sched;
	struct millrace_session **at;

	collect(q);
	leave_hot(q, s);
	if (!s->place.is_ready)
		return;
	for (at = &q->first; *at != s; at = &(*at)->place.next)
		;
	*at = s->place.next;
	if (q->last == &s->place.next)
		q->last = at;
	s->place.is_ready = false;
	millrace_store(&q->ready, q->ready - 1);
}
