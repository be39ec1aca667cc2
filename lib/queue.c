// SPDX-License-Identifier: MIT
/*
 * The client's ends of a queue pair.
 *
 * Every command has one completion, so the client itself keeps the CQ from overflowing: it reserves a
 * command only when fewer than cq_entries are between its CQ head and its SQ tail. The home checks the
 * same and never finds it wanting.
 */
#include "client.h"

#include <errno.h>

/*
 * Spinning in vain is worst where the home waits for the processor that spins. So a wait in vain halves
 * the time that the next one spins, down to an eighth of the limit; one that was not restores it, and
 * every sixteenth tries the whole.
 */
#define SPIN_LEAST 8
#define SPIN_RETRY 16

/* While a wait spins it looks at the clock, and at whether the session has ended, this often. */
#define SPINS_PER_LOOK	128
#define SPINS_PER_PAUSE 64

static void init_rings(struct millrace_client *c)
{
	const __u32 start = MILLRACE_INDEX_START;

	millrace_producer_init(&c->sq, c->setup.sq_entries, start, &c->client->sq_tail.value,
			       &c->driver->sq_head.value);
	millrace_consumer_init(&c->cq, c->setup.cq_entries, start, &c->client->cq_head.value,
			       &c->driver->cq_tail.value);
	c->sqes = (struct millrace_slots){
		.base = (char *)c->client + c->setup.sqe_offset,
		.mask = c->setup.sq_entries - 1,
		.size = c->setup.sqe_size,
	};
	c->cqes = (struct millrace_slots){
		.base = (char *)c->driver + c->setup.cqe_offset,
		.mask = c->setup.cq_entries - 1,
		.size = c->setup.cqe_size,
	};
}

bool millrace_setup_plausible(const struct millrace_client *c, const struct millrace_setup *s)
{
	const struct millrace_info *info = &c->info;

	return millrace_entries_valid(s->sq_entries, info->max_entries) &&
	       millrace_entries_valid(s->cq_entries, info->max_entries) &&
	       s->sqe_size == info->sqe_size && s->cqe_size == info->cqe_size &&
	       s->sqe_offset >= sizeof(struct millrace_client_area) &&
	       s->cqe_offset >= sizeof(struct millrace_driver_area) &&
	       s->sqe_offset + (__u64)s->sq_entries * s->sqe_size <= s->client_size &&
	       s->cqe_offset + (__u64)s->cq_entries * s->cqe_size <= s->driver_size;
}

int millrace_queue_setup(struct millrace_client *c, const struct millrace_queue_params *params)
{
	struct millrace_setup setup = {
		.abi = MILLRACE_ABI,
		.sq_entries = params->entries,
		.cq_entries = params->cq_entries,
		.poll_us = params->poll_us,
	};
	int err;

	pthread_mutex_lock(&c->lock);
	err = c->client ? -EBUSY : c->backend->setup(c, &setup);
	if (!err) {
		c->setup = setup;
		init_rings(c);
		millrace_queue_set_spin(c, params->spin_us);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

void millrace_queue_set_spin(struct millrace_client *c, __u32 spin_us)
{
	c->spin_most = (spin_us ? spin_us : MILLRACE_SPIN_US) * 1000ULL;
	if (spin_us == MILLRACE_SPIN_NEVER)
		c->spin_most = 0;
	c->spin_ns = c->spin_most;
}

/* ---- The submitting side ------------------------------------------------------------------ */

/* Whether @n more completions would have a place in the CQ, were none taken from it. */
static inline bool cq_has_room(const struct millrace_client *c, __u32 n)
{
	__u32 head = millrace_load_acquire(&c->client->cq_head.value);

	return c->sq.tail + n - head <= c->cq.entries;
}

static inline int reserve(struct millrace_client *c, __u32 n, struct millrace_slots *slots)
{
	int err;

	err = millrace_client_check(c);
	if (err)
		return err;
	err = millrace_producer_reserve(&c->sq, n);
	if (err)
		return err == -EPROTO ? millrace_client_ended(c, err) : err;
	if (!cq_has_room(c, n))
		return -EAGAIN;
	*slots = c->sqes;
	slots->first = c->sq.tail;
	c->sq.tail += n;
	return 0;
}

int millrace_queue_reserve(struct millrace_client *c, __u32 n, struct millrace_slots *slots)
{
	__u32 i;
	int err;

	if (!c->client || !n || n > c->sq.entries || n > c->cq.entries)
		return -EINVAL;
	err = reserve(c, n, slots);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		millrace_sqe(slots, i)->group = 1;
	return 0;
}

int millrace_queue_reserve_group(struct millrace_client *c, __u32 n, struct millrace_slots *slots)
{
	__u32 i;
	int err;

	if (!c->client || !n)
		return -EINVAL;
	if (n > c->setup.max_group)
		return -E2BIG;
	err = reserve(c, n, slots);
	if (err)
		return err;
	millrace_sqe(slots, 0)->group = n;
	for (i = 1; i < n; i++)
		millrace_sqe(slots, i)->group = 0;
	return 0;
}

void millrace_queue_abandon(struct millrace_client *c)
{
	c->sq.tail = c->sq.published;
}

/* Publishes what is reserved. Whether the home asked for a kick. */
static inline bool publish(struct millrace_client *c)
{
	const __u32 *event = &c->driver->sq_event.value;
	__u32 before;

	if (c->sq.tail == c->sq.published)
		return false;
	before = millrace_producer_publish(&c->sq);
	/* Only "no kick" has to be read behind the fence: a kick too many does no harm. */
	return millrace_event_due(millrace_load(event), before, c->sq.tail) ||
	       millrace_event_check(event, before, c->sq.tail);
}

int millrace_queue_submit(struct millrace_client *c)
{
	__u32 n;
	int err;

	if (!c->client)
		return -EINVAL;
	err = millrace_client_check(c);
	if (err)
		return err;
	n = c->sq.tail - c->sq.published;
	if (publish(c))
		err = c->backend->kick(c);
	return err ? err : (int)n;
}

/* ---- The completing side ------------------------------------------------------------------ */

/* How many completions are there; -EPROTO when the home's tail is impossible. */
static inline int available(struct millrace_client *c)
{
	if (millrace_consumer_refresh(&c->cq))
		return millrace_client_ended(c, -EPROTO);
	return millrace_consumer_available(&c->cq);
}

int millrace_queue_peek(struct millrace_client *c, struct millrace_slots *slots)
{
	int n;

	if (!c->client)
		return -EINVAL;
	/* What the last look saw is enough; the next call will see the rest. */
	n = millrace_consumer_available(&c->cq);
	if (!n)
		n = available(c);
	if (n <= 0)
		return n;
	*slots = c->cqes;
	slots->first = c->cq.head;
	return n;
}

void millrace_queue_release(struct millrace_client *c, __u32 n)
{
	__u32 most;

	if (!c->client)
		return;
	most = millrace_consumer_available(&c->cq);
	millrace_consumer_release(&c->cq, n < most ? n : most);
}

static __u64 spin_time(struct millrace_client *c)
{
	return ++c->spin_count % SPIN_RETRY ? c->spin_ns : c->spin_most;
}

static void spin_adapt(struct millrace_client *c, bool in_vain)
{
	const __u64 least = c->spin_most / SPIN_LEAST;

	if (!in_vain)
		c->spin_ns = c->spin_most;
	else
		c->spin_ns = c->spin_ns / 2 > least ? c->spin_ns / 2 : least;
}

/* Spins for a while. How many completions are there at its end. */
static int spin(struct millrace_client *c, __u32 min, __u64 deadline)
{
	const char *next = c->cqes.base + (size_t)(c->cq.head & c->cqes.mask) * c->cqes.size;
	__u64 now, end = 0;
	unsigned int i;
	int n;

	for (i = 1;; i++) {
		/* The next completion's line shall come along with the tail's, not after it. */
		millrace_prefetch(next);
		if (millrace_consumer_pending(&c->cq)) {
			n = available(c);
			if (n < 0 || n >= (int)min)
				return n;
		}
		if (i % SPINS_PER_PAUSE)
			continue;
		millrace_relax();
		if (i % SPINS_PER_LOOK)
			continue;
		now = millrace_clock();
		if (!end)
			end = now + spin_time(c);
		else if (now >= (end < deadline ? end : deadline) || millrace_client_error(c))
			return available(c);
	}
}

/* The end of a wait: what is there counts before any error. */
static int outcome(struct millrace_client *c, __u32 min, int err)
{
	int n = available(c);

	if (n < 0)
		return n;
	if (n >= (int)min)
		return n;
	if (err == -ETIMEDOUT || err == -EINTR)
		return err;
	return n ? n : err;
}

static int sleep_until(struct millrace_client *c, __u32 min, __u64 deadline)
{
	int n, err = 0;

	millrace_store(&c->client->waits, c->client->waits + 1);
	for (;;) {
		n = available(c);
		if (n < 0 || n >= (int)min)
			return n;
		err = millrace_client_error(c);
		if (!err)
			err = c->backend->sleep(c, min, deadline);
		if (err)
			return outcome(c, min, err);
	}
}

/* Waits for what is not there yet. */
static int wait_longer(struct millrace_client *c, __u32 min, __u64 deadline)
{
	int n;

	if (c->spin_most) {
		n = spin(c, min, deadline);
		spin_adapt(c, n >= 0 && n < (int)min);
		if (n < 0 || n >= (int)min) {
			millrace_store(&c->client->spins, c->client->spins + 1);
			return n;
		}
	}
	return sleep_until(c, min, deadline);
}

int millrace_queue_wait(struct millrace_client *c, __u32 min, __u64 deadline)
{
	int n;

	if (!c->client || !min || min > c->cq.entries)
		return -EINVAL;
	n = available(c);
	if (n < 0 || n >= (int)min)
		return n;
	return wait_longer(c, min, deadline);
}

/* Has the home look at the SQ; where that is one call, waits for @min completions with it. */
static inline int kick_and_wait(struct millrace_client *c, __u32 min, __u64 deadline)
{
	if (!c->backend->kick_and_sleep)
		return c->backend->kick(c);
	millrace_store(&c->client->waits, c->client->waits + 1);
	return c->backend->kick_and_sleep(c, min, min == c->sq.published - c->cq.head, deadline);
}

int millrace_queue_submit_and_wait(struct millrace_client *c, __u32 min, __u64 deadline)
{
	int n, err;

	if (!c->client || !min || min > c->cq.entries)
		return -EINVAL;
	err = millrace_client_check(c);
	if (!err && publish(c))
		err = kick_and_wait(c, min, deadline);
	if (err)
		return outcome(c, min, err);
	n = available(c);
	if (n < 0 || n >= (int)min)
		return n;
	return wait_longer(c, min, deadline);
}

int millrace_queue_fd(const struct millrace_client *c)
{
	return c->client ? c->backend->poll_fd(c) : -EINVAL;
}

int millrace_queue_arm(struct millrace_client *c)
{
	int n;

	if (!c->client)
		return -EINVAL;
	n = available(c);
	if (n)
		return n < 0 ? n : 1;
	if (c->armed && c->backend->drain)
		c->backend->drain(c);
	c->armed = true;
	millrace_event_arm(&c->client->cq_event.value, c->cq.head); /* (F), pairs with (E) */
	n = available(c);
	if (n)
		return n < 0 ? n : 1;
	return millrace_client_error(c);
}

int millrace_queue_set_eventfd(struct millrace_client *c, int eventfd)
{
	int err;

	if (eventfd < -1)
		return -EINVAL;
	pthread_mutex_lock(&c->lock);
	err = c->client ? c->backend->set_eventfd(c, eventfd) : -EINVAL;
	pthread_mutex_unlock(&c->lock);
	return err;
}
