// SPDX-License-Identifier: MIT
/*
 * A turn: take a group, run it, publish what completed. The worker's.
 *
 * Taking copies each SQE once into a slot in private memory; what follows reads the copy alone. The
 * number of commands taken and not yet released by the client never exceeds the CQ's entries, so a
 * completion always has its place, and a slot. A group for which there is no room stays where it is,
 * and is read anew, and checked anew, when there is.
 */
#include "session.h"

#include "home.h"
#include "trace.h"

/* The first eight bytes of an SQE. */
struct head {
	__u16 opcode, flags, group, reserved;
};

static inline const __u64 *sqe_at(const struct millrace_session *s, __u32 index)
{
	return (const __u64 *)(s->sqes +
			       (size_t)(index & (s->sq.entries - 1)) * s->device->sqe_size);
}

static inline struct head read_head(const __u64 *sqe)
{
	union {
		__u64 word;
		struct head head;
	} one_look = { .word = millrace_load(sqe) };

	return one_look.head;
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

static inline bool has_room(const struct millrace_session *s, __u32 n)
{
	return s->sq.head + n - s->cq.head <= s->cq.entries;
}

/* Whether completions are the worker's alone now: no command is out. Pairs with complete(). */
static inline bool is_alone(const struct millrace_session *s)
{
	return millrace_load_acquire(&s->later_done) == s->later;
}

/* Looks whether the client has made room in the CQ, for @n more commands. */
static int make_room(struct millrace_session *s, __u32 n)
{
	unsigned long flags = 0;
	int err;

	millrace_lock(&s->lock, flags);
	err = millrace_producer_refresh(&s->cq);
	millrace_unlock(&s->lock, flags);
	if (err)
		return end(s, MILLRACE_ERROR_CQ_HEAD);
	return has_room(s, n) ? 0 : -EAGAIN;
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

	/* They are filled from the first on: most commands have none. */
	for (i = 0; i < MILLRACE_SPANS && slot->buffer[i]; i++) {
		millrace_buffer_put(slot->buffer[i]);
		slot->buffer[i] = NULL;
	}
}

/* The operation that a command names, or why it has to be refused. */
static int find_op(const struct millrace_device *d, struct head head, bool first,
		   const struct millrace_op **op)
{
	if (head.flags || head.reserved || (!first && head.group))
		return -EINVAL;
	if (head.opcode >= MILLRACE_OPCODES)
		return -EOPNOTSUPP;
	*op = d->op[millrace_index_nospec((unsigned long)head.opcode, MILLRACE_OPCODES)];
	return *op ? 0 : -EOPNOTSUPP;
}

/* Copies a command, whose head has been read, as far as its operation goes, and checks the copy. */
static __always_inline int admit(struct millrace_session *s, struct millrace_slot *slot,
				 const __u64 *sqe, struct head head, bool first)
{
	__u64 *param = (__u64 *)slot->cmd.param; /* const is for the driver */
	const struct millrace_op *op = NULL;
	unsigned int i;
	int err;

	slot->user_data = millrace_load(&sqe[1]);
	slot->state = MILLRACE_SLOT_TAKEN;
	err = find_op(s->device, head, first, &op);
	slot->cmd.op = op;
	if (err)
		return err;
	for (i = 0; i < op->params; i++)
		param[i] = millrace_load(&sqe[2 + i]);
	for (i = 0; i < op->outputs; i++)
		slot->words[i] = 0;
	return op->spans ? resolve(s, slot) : 0;
}

/*
 * Sees to it that the first group in the SQ can be taken, and reads its head. How many commands it
 * has; 0: the SQ is empty; -EAGAIN: no room in the CQ; or the session's error.
 */
static inline int begin(struct millrace_session *s, const __u64 **sqe, struct head *head)
{
	int err, there = look(s);
	__u32 n;

	if (there <= 0)
		return there;
	*sqe = sqe_at(s, s->sq.head);
	*head = read_head(*sqe);
	n = head->group;
	if (n - 1 >= (__u32)there || n > s->setup.max_group)
		return end(s, MILLRACE_ERROR_GROUP);
	err = has_room(s, n) ? 0 : make_room(s, n);
	return err ?: (int)n;
}

/* One of the group has been refused: the others go with it. */
static void refuse(struct millrace_slot **group, __u32 n)
{
	__u32 i;

	for (i = 0; i < n; i++)
		if (!group[i]->status)
			group[i]->status = -ECANCELED;
}

/* The first @n SQEs have been copied. */
static inline void taken(struct millrace_session *s, __u32 n)
{
	millrace_trace_group(s, n);
	millrace_consumer_release(&s->sq, n);
	millrace_count(s->count.commands, n);
	millrace_count(s->count.groups, 1);
}

/* Takes a group of @n into d->group[]. False when it has to be refused: no command of it runs. */
static bool take(struct millrace_session *s, struct head head, __u32 n)
{
	struct millrace_slot *slot, **group = s->device->group;
	int refused = 0;
	__u32 i;

	if (s->free_count < n)
		reclaim(s);
	slot = s->free;
	for (i = 0; i < n; i++, slot = slot->next) {
		const __u64 *sqe = sqe_at(s, s->sq.head + i);

		if (i)
			head = read_head(sqe);
		group[i] = slot;
		slot->status = admit(s, slot, sqe, head, !i);
		refused |= slot->status;
	}
	s->free = slot;
	s->free_count -= n;
	if (refused)
		refuse(group, n);
	taken(s, n);
	return !refused;
}

static inline void push_cqe(struct millrace_session *s, const struct millrace_slot *slot)
{
	const struct millrace_device *d = s->device;
	__u64 *to = (__u64 *)(s->cqes + (size_t)(s->cq.tail & (s->cq.entries - 1)) * d->cqe_size);
	__u32 outputs = slot->status ? 0 : slot->cmd.op->outputs;
	__u32 i;

	to[0] = slot->user_data;
	to[1] = (__u32)slot->status;
	for (i = 0; i < outputs; i++)
		to[2 + i] = slot->words[i];
	for (; i < d->max_outputs; i++)
		to[2 + i] = 0;
	s->cq.tail++;
	if (slot->status)
		millrace_count(s->count.errors, 1);
}

/* Lets the client see the completions. Whether it, or a wait in the home, is to be woken for them. */
static inline bool publish(struct millrace_session *s)
{
	__u32 before = millrace_producer_publish(&s->cq);

	if (!millrace_event_check(&s->client->cq_event.value, before, s->cq.tail) &&
	    !millrace_session_awaited(s, before, s->cq.tail))
		return false;
	millrace_count(s->count.wakeups, 1);
	return true;
}

/* Writes and publishes the completions in d->done[]; with the lock held, or alone. */
static inline bool publish_done(struct millrace_session *s)
{
	struct millrace_device *d = s->device;
	__u32 i;

	for (i = 0; i < d->done_count; i++) {
		push_cqe(s, d->done[i]);
		push_free(s, d->done[i]);
	}
	d->done_count = 0;
	return publish(s);
}

void millrace_turn_flush(struct millrace_session *s)
{
	unsigned long flags = 0;
	bool alone, wake;

	if (!s->device->done_count)
		return;
	alone = is_alone(s);
	if (!alone)
		millrace_lock(&s->lock, flags);
	wake = publish_done(s);
	if (!alone)
		millrace_unlock(&s->lock, flags);
	if (wake)
		millrace_home_wake(s);
}

/* Buffers go first, so that whoever sees the completion and frees one has its memory back. */
static inline void done(struct millrace_session *s, struct millrace_device *d,
			struct millrace_slot *slot)
{
	if (slot->buffer[0])
		put_buffers(slot);
	d->done[d->done_count++] = slot;
	if (d->done_count == MILLRACE_DONE_MAX)
		millrace_turn_flush(s);
}

/* Runs a command that has been admitted. */
static inline void run(struct millrace_session *s, struct millrace_device *d,
		       struct millrace_slot *slot)
{
	int status = d->driver->execute(&slot->cmd);

	if (status > 0) {
		/* It may have completed by now, and is not ours any more. */
		if (status == MILLRACE_LATER) {
			s->later++;
			return;
		}
		status = -EIO; /* no status at all: a mistake of the driver's */
	}
	slot->status = status;
	done(s, d, slot);
}

/* A group of one needs no list, and cannot be refused by halves. */
static inline void run_one(struct millrace_session *s, const __u64 *sqe, struct head head)
{
	struct millrace_slot *slot;

	if (!s->free_count)
		reclaim(s);
	slot = s->free;
	s->free = slot->next;
	s->free_count--;
	slot->status = admit(s, slot, sqe, head, true);
	taken(s, 1);
	if (slot->status)
		done(s, s->device, slot);
	else
		run(s, s->device, slot);
}

static void run_group(struct millrace_session *s, struct head head, __u32 n)
{
	struct millrace_device *d = s->device;
	bool good = take(s, head, n);
	__u32 i;

	for (i = 0; i < n; i++) {
		if (good)
			run(s, d, d->group[i]);
		else
			done(s, d, d->group[i]);
	}
}

int millrace_turn_group(struct millrace_session *s)
{
	const __u64 *sqe = NULL;
	struct head head = { 0 };
	int n;

	n = begin(s, &sqe, &head);
	if (n == 1)
		run_one(s, sqe, head);
	else if (n > 1)
		run_group(s, head, n);
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
	/* The worker may come in from here on, lock or not. Pairs with is_alone(). */
	millrace_store_release(&s->later_done, s->later_done + 1);
	millrace_unlock(&s->lock, flags);
}
