// SPDX-License-Identifier: MIT
/*
 * A turn: take a group, run it, publish what completed. The worker's.
 *
 * Taking copies each SQE once into a slot in private memory; what follows reads the copy alone. The
 * number of commands taken and not yet released by the client never exceeds the CQ's entries, so a
 * completion always has its place, and a slot. Nothing is taken, not even looked into, before that
 * room is known to be there.
 */
#include "session.h"

#include "home.h"
#include "trace.h"

/* The private copy of a slot's SQE, behind its outputs. */
static struct millrace_sqe *slot_sqe(struct millrace_session *s, struct millrace_slot *slot)
{
	return (struct millrace_sqe *)(slot->words + s->device->max_outputs);
}

/* One read of each word, in the compiler's eyes too. */
static void copy_once(void *to, const void *from, size_t size)
{
	const __u64 *in = from;
	__u64 *out = to;
	size_t i;

	for (i = 0; i < size / sizeof(*in); i++)
		out[i] = millrace_load(&in[i]);
}

static void copy_sqe(struct millrace_session *s, __u32 index, struct millrace_sqe *to)
{
	__u32 size = s->device->sqe_size;

	copy_once(to, s->sqes + (size_t)(index & (s->sq.entries - 1)) * size, size);
}

/* Ends the session, after what it has completed is published. Returns its errno. */
static int end(struct millrace_session *s, enum millrace_error error)
{
	millrace_turn_flush(s);
	millrace_session_end(s, error);
	return millrace_session_errno(s);
}

/* Commands waiting in the SQ, or the error with which the session has just ended. */
static int look(struct millrace_session *s)
{
	if (millrace_load(&s->error))
		return millrace_session_errno(s);
	if (!millrace_consumer_available(&s->sq) && millrace_consumer_refresh(&s->sq))
		return end(s, MILLRACE_ERROR_SQ_TAIL);
	return millrace_consumer_available(&s->sq);
}

/* Makes sure of room in the CQ for @n more commands. */
static int reserve(struct millrace_session *s, __u32 n)
{
	unsigned long flags = 0;
	int err;

	if (s->sq.head + n - s->cq.head <= s->cq.entries)
		return 0;
	millrace_lock(&s->lock, flags);
	err = millrace_producer_refresh(&s->cq);
	millrace_unlock(&s->lock, flags);
	if (err)
		return end(s, MILLRACE_ERROR_CQ_HEAD);
	return s->sq.head + n - s->cq.head <= s->cq.entries ? 0 : -EAGAIN;
}

/* Slots that completed outside of a turn come back in one go, when the worker runs short. */
static void reclaim(struct millrace_session *s)
{
	struct millrace_slot *slot;
	unsigned long flags = 0;

	millrace_lock(&s->lock, flags);
	slot = s->returned;
	s->free_count += s->returned_count;
	s->returned = NULL;
	s->returned_count = 0;
	millrace_unlock(&s->lock, flags);
	while (slot) {
		struct millrace_slot *next = slot->next;

		slot->next = s->free;
		s->free = slot;
		slot = next;
	}
}

static struct millrace_slot *pop_free(struct millrace_session *s)
{
	struct millrace_slot *slot = s->free;

	s->free = slot->next;
	s->free_count--;
	return slot;
}

static void push_free(struct millrace_session *s, struct millrace_slot *slot)
{
	slot->state = MILLRACE_SLOT_FREE;
	slot->next = s->free;
	s->free = slot;
	s->free_count++;
}

/* Finds the stretches of buffers that a command refers to. */
static int resolve(struct millrace_session *s, struct millrace_slot *slot)
{
	const struct millrace_op *op = slot->cmd.op;
	const __u64 *param = slot->cmd.param;
	unsigned int i;

	for (i = 0; i < op->spans; i++) {
		const struct millrace_span_params *p = &op->span[i];
		int err = millrace_buffer_span(&s->buffers, param[p->handle], param[p->offset],
					       param[p->size], &slot->cmd.span[i],
					       &slot->buffer[i]);

		if (err)
			return err;
	}
	return 0;
}

static void put_buffers(struct millrace_slot *slot)
{
	unsigned int i;

	for (i = 0; i < MILLRACE_SPANS; i++) {
		if (!slot->buffer[i])
			continue;
		millrace_buffer_put(slot->buffer[i]);
		slot->buffer[i] = NULL;
	}
}

/* Checks the private copy of a command. The status that it has to be refused with, or 0. */
static int check(struct millrace_session *s, struct millrace_slot *slot, bool first)
{
	const struct millrace_sqe *sqe = slot_sqe(s, slot);
	const struct millrace_op *op;

	slot->user_data = sqe->user_data;
	slot->cmd.op = NULL;
	if (sqe->flags || sqe->reserved || (!first && sqe->group))
		return -EINVAL;
	if (sqe->opcode >= MILLRACE_OPCODES)
		return -EOPNOTSUPP;
	op = s->device->op[millrace_index_nospec((unsigned long)sqe->opcode, MILLRACE_OPCODES)];
	if (!op)
		return -EOPNOTSUPP;
	slot->cmd.op = op;
	memset(slot->words, 0, op->outputs * sizeof(slot->words[0]));
	return op->spans ? resolve(s, slot) : 0;
}

/*
 * Takes the first group in the SQ into d->group[]. How many commands it has; 0: the SQ is empty;
 * -EAGAIN: no room in the CQ; or the session's error.
 */
static int take(struct millrace_session *s)
{
	struct millrace_device *d = s->device;
	struct millrace_slot *first;
	__u32 n, i;
	int ret;

	ret = look(s);
	if (ret > 0)
		ret = reserve(s, 1) ?: ret;
	if (ret <= 0)
		return ret;
	if (!s->free_count)
		reclaim(s);
	first = s->free; /* stays there until the whole group is known to fit */
	copy_sqe(s, s->sq.head, slot_sqe(s, first));
	n = slot_sqe(s, first)->group;
	if (!n || n > (__u32)ret || n > d->max_group || n > s->cq.entries)
		return end(s, MILLRACE_ERROR_GROUP);
	ret = reserve(s, n);
	if (ret)
		return ret;
	d->group[0] = pop_free(s);
	if (s->free_count < n - 1)
		reclaim(s);
	for (i = 1; i < n; i++) {
		d->group[i] = pop_free(s);
		copy_sqe(s, s->sq.head + i, slot_sqe(s, d->group[i]));
	}
	for (i = 0; i < n; i++)
		d->group[i]->state = MILLRACE_SLOT_TAKEN;
	millrace_trace_group(s, n);
	millrace_consumer_release(&s->sq, n);
	millrace_count(s->count.commands, n);
	millrace_count(s->count.groups, 1);
	return n;
}

/* Checks all commands of a group; when one has to be refused, so have they all. */
static bool admit(struct millrace_session *s, struct millrace_slot **group, __u32 n)
{
	bool good = true;
	__u32 i;

	for (i = 0; i < n; i++) {
		group[i]->status = check(s, group[i], i == 0);
		if (group[i]->status)
			good = false;
	}
	for (i = 0; !good && i < n; i++)
		if (!group[i]->status)
			group[i]->status = -ECANCELED;
	return good;
}

static void push_cqe(struct millrace_session *s, struct millrace_slot *slot)
{
	__u32 size = s->device->cqe_size;
	__u64 *to = (__u64 *)(s->cqes + (size_t)(s->cq.tail & (s->cq.entries - 1)) * size);
	__u32 outputs = slot->status || !slot->cmd.op ? 0 : slot->cmd.op->outputs;
	__u32 i;

	millrace_assert_locked(&s->lock);
	to[0] = slot->user_data;
	to[1] = (__u32)slot->status;
	for (i = 0; i < outputs; i++)
		to[2 + i] = slot->words[i];
	for (; i < s->device->max_outputs; i++)
		to[2 + i] = 0;
	s->cq.tail++;
	if (slot->status)
		millrace_count(s->count.errors, 1);
}

/* Lets the client see the completions. Whether it, or a wait in the home, is to be woken for them. */
static bool publish(struct millrace_session *s)
{
	__u32 before;

	millrace_assert_locked(&s->lock);
	before = millrace_producer_publish(&s->cq);
	if (!millrace_event_check(&s->client->cq_event.value, before, s->cq.tail) &&
	    !millrace_session_awaited(s, before, s->cq.tail))
		return false;
	millrace_count(s->count.wakeups, 1);
	return true;
}

void millrace_turn_flush(struct millrace_session *s)
{
	struct millrace_device *d = s->device;
	unsigned long flags = 0;
	bool wake;
	__u32 i;

	if (!d->done_count)
		return;
	millrace_lock(&s->lock, flags);
	for (i = 0; i < d->done_count; i++)
		push_cqe(s, d->done[i]);
	wake = publish(s);
	millrace_unlock(&s->lock, flags);
	if (wake)
		millrace_home_wake(s);
	for (i = 0; i < d->done_count; i++) {
		put_buffers(d->done[i]);
		push_free(s, d->done[i]);
	}
	d->done_count = 0;
}

static void done(struct millrace_session *s, struct millrace_slot *slot)
{
	struct millrace_device *d = s->device;

	d->done[d->done_count++] = slot;
	if (d->done_count == MILLRACE_DONE_MAX)
		millrace_turn_flush(s);
}

int millrace_turn_group(struct millrace_session *s)
{
	struct millrace_device *d = s->device;
	bool good;
	int n, i;

	n = take(s);
	if (n <= 0)
		return n;
	good = admit(s, d->group, n);
	for (i = 0; i < n; i++) {
		int status = good ? d->driver->execute(&d->group[i]->cmd) : d->group[i]->status;

		/* A command that completes later may have done so by now: it is not ours any more. */
		if (good && status == MILLRACE_LATER)
			continue;
		d->group[i]->status = status;
		done(s, d->group[i]);
	}
	return n;
}

void millrace_cmd_complete(struct millrace_cmd *cmd, int status)
{
	struct millrace_slot *slot = container_of(cmd, struct millrace_slot, cmd);
	struct millrace_session *s = cmd->session;
	unsigned long flags = 0;

	put_buffers(slot);
	slot->status = status;
	millrace_lock(&s->lock, flags);
	push_cqe(s, slot);
	millrace_store(&slot->state, MILLRACE_SLOT_FREE);
	slot->next = s->returned;
	s->returned = slot;
	s->returned_count++;
	if (publish(s))
		millrace_home_wake(s);
	if (s->draining && s->cq.tail == s->sq.head)
		millrace_home_drained(s);
	millrace_unlock(&s->lock, flags);
}
