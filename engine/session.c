// SPDX-License-Identifier: MIT
#include "session.h"

#include "home.h"
#include "trace.h"

static size_t slot_size(const struct millrace_device *d)
{
	size_t size = sizeof(struct millrace_slot) + 8 * d->max_outputs + d->sqe_size;

	return (size + 63) & ~(size_t)63;
}

int millrace_session_init(struct millrace_session *s, struct millrace_device *d)
{
	int err;

	s->device = d;
	millrace_lock_init(&s->lock);
	err = millrace_buffers_init(&s->buffers, d->max_buffers, d->max_memory);
	if (err)
		goto undo_lock;
	s->state = millrace_zalloc(1, d->driver->session_state ?: 1);
	err = s->state ? 0 : -ENOMEM;
	if (err)
		goto undo_buffers;
	err = d->driver->open ? d->driver->open(s) : 0;
	if (err)
		goto undo_state;
	return 0;
undo_state:
	millrace_free(s->state);
undo_buffers:
	millrace_buffers_exit(&s->buffers);
undo_lock:
	millrace_lock_destroy(&s->lock);
	return err;
}

static bool poll_valid(const struct millrace_device *d, __u32 us)
{
	return us == MILLRACE_POLL_NEVER || us <= d->max_poll_us;
}

static bool outputs_clear(const struct millrace_setup *setup)
{
	return !(setup->sqe_size | setup->cqe_size | setup->sqe_offset | setup->cqe_offset |
		 setup->max_group | setup->client_size | setup->driver_size |
		 setup->client_offset | setup->driver_offset | setup->reserved[0] |
		 setup->reserved[1] | setup->reserved[2] | setup->reserved[3]);
}

static __u64 area_size(__u64 header, __u32 entries, __u32 size, __u32 page)
{
	return (header + (__u64)entries * size + page - 1) & ~((__u64)page - 1);
}

int millrace_session_setup(struct millrace_session *s, struct millrace_setup *setup)
{
	const struct millrace_device *d = s->device;

	if (s->started)
		return -EBUSY;
	if (setup->abi != MILLRACE_ABI || setup->flags || !outputs_clear(setup))
		return -EINVAL;
	if (!setup->cq_entries)
		setup->cq_entries = setup->sq_entries;
	if (!millrace_entries_valid(setup->sq_entries, d->max_entries) ||
	    !millrace_entries_valid(setup->cq_entries, d->max_entries) ||
	    !poll_valid(d, setup->poll_us))
		return -EINVAL;
	setup->sqe_size = d->sqe_size;
	setup->cqe_size = d->cqe_size;
	setup->max_group = d->max_group;
	if (setup->max_group > setup->sq_entries)
		setup->max_group = setup->sq_entries;
	if (setup->max_group > setup->cq_entries)
		setup->max_group = setup->cq_entries;
	setup->sqe_offset = sizeof(struct millrace_client_area);
	setup->cqe_offset = sizeof(struct millrace_driver_area);
	setup->client_size = area_size(setup->sqe_offset, setup->sq_entries, d->sqe_size,
				       millrace_page_size());
	setup->driver_size = area_size(setup->cqe_offset, setup->cq_entries, d->cqe_size,
				       millrace_page_size());
	return 0;
}

static void init_rings(struct millrace_session *s)
{
	const struct millrace_setup *setup = &s->setup;
	const __u32 start = MILLRACE_INDEX_START;

	millrace_store(&s->client->sq_tail.value, start);
	millrace_store(&s->client->cq_head.value, start);
	millrace_event_disarm(&s->client->cq_event.value, start);
	millrace_store(&s->driver->sq_head.value, start);
	millrace_store(&s->driver->cq_tail.value, start);
	millrace_store(&s->driver->sq_event.value, start);
	millrace_consumer_init(&s->sq, setup->sq_entries, start, &s->driver->sq_head.value,
			       &s->client->sq_tail.value);
	millrace_producer_init(&s->cq, setup->cq_entries, start, &s->driver->cq_tail.value,
			       &s->client->cq_head.value);
#ifdef __KERNEL__
	millrace_event_disarm(&s->wait_event, start);
#endif
	s->sqes = (char *)s->client + setup->sqe_offset;
	s->cqes = (char *)s->driver + setup->cqe_offset;
}

static void init_slot(struct millrace_session *s, struct millrace_slot *slot)
{
	const __u32 outputs = s->device->max_outputs;
	struct millrace_sqe *sqe = (struct millrace_sqe *)(slot->words + outputs);

	slot->cmd.session = s;
	slot->cmd.output = slot->words;
	slot->cmd.param = sqe->param;
	slot->next = s->free;
	s->free = slot;
	s->free_count++;
}

/* The client sees why its session has ended, and wakes up to see it. */
static void tell_error(struct millrace_session *s, __u32 error)
{
	millrace_store_release(&s->driver->error.value, error);
	millrace_home_wake(s);
}

int millrace_session_start(struct millrace_session *s, const struct millrace_setup *setup,
			   void *client_area, void *driver_area)
{
	__u32 i, error;

	s->slot_size = slot_size(s->device);
	s->slots = millrace_zalloc(setup->cq_entries, s->slot_size);
	if (!s->slots)
		return -ENOMEM;
	s->setup = *setup;
	s->client = client_area;
	s->driver = driver_area;
	init_rings(s);
	for (i = setup->cq_entries; i-- > 0;)
		init_slot(s, (struct millrace_slot *)(s->slots + i * s->slot_size));
	millrace_sched_place(s, setup->poll_us);
	millrace_store_release(&s->started, true); /* pairs with whoever looks from another thread */
	millrace_fence(); /* of this and an end() at the same time, at least one sees the other */
	error = millrace_load(&s->error);
	if (error)
		tell_error(s, error);
	return 0;
}

int millrace_session_errno(const struct millrace_session *s)
{
	switch (millrace_load(&s->error)) {
	case MILLRACE_ERROR_NONE:
		return 0;
	case MILLRACE_ERROR_GONE:
		return -ENODEV;
	default:
		return -EPROTO;
	}
}

void millrace_session_end(struct millrace_session *s, enum millrace_error error)
{
	if (!millrace_swap_if(&s->error, (__u32)MILLRACE_ERROR_NONE, (__u32)error))
		return;
	millrace_trace_end(s, error);
	if (!millrace_load_acquire(&s->started))
		return;
	tell_error(s, error);
}

static struct millrace_slot *slot_at(struct millrace_session *s, __u32 i)
{
	return (struct millrace_slot *)(s->slots + i * s->slot_size);
}

bool millrace_session_drained(struct millrace_session *s)
{
	unsigned long flags = 0;
	bool drained;

	if (!s->started)
		return true;
	millrace_lock(&s->lock, flags);
	drained = s->cq.tail == s->sq.head;
	millrace_unlock(&s->lock, flags);
	return drained;
}

bool millrace_session_drain(struct millrace_session *s)
{
	unsigned long flags = 0;
	bool drained;
	__u32 i;

	if (!s->started)
		return true;
	for (i = 0; i < s->setup.cq_entries; i++) {
		struct millrace_slot *slot = slot_at(s, i);

		if (millrace_load(&slot->state) == MILLRACE_SLOT_TAKEN && s->device->driver->cancel)
			s->device->driver->cancel(&slot->cmd);
	}
	millrace_lock(&s->lock, flags);
	drained = s->cq.tail == s->sq.head;
	s->draining = true;
	millrace_unlock(&s->lock, flags);
	return drained;
}

void millrace_session_exit(struct millrace_session *s)
{
	unsigned long flags = 0;

	/* Whoever completed the last command may not have left the lock yet. */
	millrace_lock(&s->lock, flags);
	millrace_unlock(&s->lock, flags);
	if (s->device->driver->close)
		s->device->driver->close(s);
	millrace_free(s->state);
	millrace_free(s->slots);
	millrace_buffers_exit(&s->buffers);
	millrace_lock_destroy(&s->lock);
}

static __u32 at_most(__u32 n, __u32 most)
{
	return n < most ? n : most;
}

static void queue_stats(struct millrace_session *s, struct millrace_session_stats *stats)
{
	/* The client's head first, the home's tail behind it: the other way round it could be passed. */
	__u32 released = millrace_load_acquire(&s->client->cq_head.value);
	__u32 completed = millrace_load_acquire(&s->driver->cq_tail.value);
	__u32 taken = millrace_load_acquire(&s->driver->sq_head.value);

	stats->in_flight = at_most(taken - completed, s->setup.cq_entries);
	/* The client's words are shown, not used: nothing follows from them. */
	stats->sq_depth = at_most(millrace_load(&s->client->sq_tail.value) - taken,
				  s->setup.sq_entries);
	stats->cq_depth = at_most(completed - released, s->setup.cq_entries);
	stats->spins = millrace_load(&s->client->spins);
	stats->waits = millrace_load(&s->client->waits);
}

void millrace_session_stats(struct millrace_session *s, struct millrace_session_stats *stats)
{
	stats->error = millrace_load(&s->error);
	stats->buffers = millrace_load(&s->buffers.count);
	stats->buffer_bytes = millrace_load(&s->buffers.bytes);
	stats->commands = millrace_load(&s->count.commands);
	stats->groups = millrace_load(&s->count.groups);
	stats->turns = millrace_load(&s->count.turns);
	stats->inlined = millrace_load(&s->count.inlined);
	stats->kicks = millrace_load(&s->count.kicks);
	stats->wakeups = millrace_load(&s->count.wakeups);
	stats->stalls = millrace_load(&s->count.stalls);
	stats->errors = millrace_load(&s->count.errors);
	if (millrace_load_acquire(&s->started))
		queue_stats(s, stats);
}

void *millrace_session_state(const struct millrace_session *session)
{
	return session->state;
}

struct millrace_device *millrace_session_device(const struct millrace_session *session)
{
	return session->device;
}
