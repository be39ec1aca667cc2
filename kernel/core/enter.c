// SPDX-License-Identifier: GPL-2.0
/*
 * ENTER: kick and wait, in one call.
 *
 * Where the device is idle and its driver allows it, the kick is a turn in the caller's own context,
 * and the wait is over before it began: that path takes the run lock if it is free, and nothing else.
 *
 * Who has to sleep waits for the CQ tail to reach a target of his own, whatever the client's cq_event
 * says. No wake-up is lost, by the same protocol as in ring/event.h: the smallest target is kept
 * in session.wait_event; publishing stores the tail, has fence (E), reads wait_event; a waiter
 * stores wait_event, has fence (F) - in set_current_state() - and looks at the tail. With several
 * waiters: one who leaves sets wait_event to the smallest target of the others and then wakes those
 * among them whose target was passed while wait_event did not yet speak for them.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

struct waiter {
	struct wait_queue_entry entry; /* in file->wait */
	struct millrace_session *session;
	u32 target; /* of the CQ tail */
};

static u32 cq_tail(const struct millrace_session *s)
{
	return millrace_load_acquire(&s->driver->cq_tail.value);
}

static bool reached(const struct waiter *w)
{
	return (s32)(cq_tail(w->session) - w->target) >= 0 || millrace_load(&w->session->error);
}

/* What wake_up() calls for each waiter: those who would only go back to sleep sleep on. */
static int wake_reached(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	if (!reached(container_of(entry, struct waiter, entry)))
		return 0;
	return default_wake_function(entry, mode, flags, key);
}

void millrace_file_wake_waits(struct millrace_file *file)
{
	wake_up_all(&file->wait);
}

/* The smallest target of all. With no waiter the old one stays, which has passed or harms nobody. */
static void set_wait_event(struct millrace_file *file)
{
	struct waiter *w, *first = NULL;

	lockdep_assert_held(&file->wait.lock);
	list_for_each_entry(w, &file->wait.head, entry.entry)
		if (!first || (s32)(w->target - first->target) < 0)
			first = w;
	if (first)
		millrace_store(&file->session.wait_event, first->target - 1);
}

static void join_waits(struct millrace_file *file, struct waiter *w)
{
	spin_lock_irq(&file->wait.lock);
	__add_wait_queue_entry_tail(&file->wait, &w->entry);
	set_wait_event(file);
	spin_unlock_irq(&file->wait.lock);
}

static void leave_waits(struct millrace_file *file, struct waiter *w)
{
	bool others;

	spin_lock_irq(&file->wait.lock);
	__remove_wait_queue(&file->wait, &w->entry);
	others = waitqueue_active(&file->wait);
	set_wait_event(file);
	spin_unlock_irq(&file->wait.lock);
	if (!others)
		return;
	smp_mb(); /* (F), pairs with (E) */
	wake_up_all(&file->wait);
}

/* False when the deadline has passed. */
static bool sleep_until(u64 deadline)
{
	ktime_t expires = deadline;

	if (deadline > KTIME_MAX) {
		schedule();
		return true;
	}
	return schedule_hrtimeout_range(&expires, 0, HRTIMER_MODE_ABS);
}

/*
 * A signal ends the wait for good: the caller may have to look at what its handler did. But it may
 * only be work that the kernel does on the way back to user space, such as io_uring's completions:
 * then the call is made again, unseen. Its deadline is absolute, and a kick more does no harm.
 */
static int why_interrupted(void)
{
	if (likely(!signal_pending(current)))
		return 0;
	return task_sigpending(current) ? -EINTR : -ERESTARTNOINTR;
}

static int sleep_until_reached(const struct waiter *w, u64 deadline)
{
	bool in_time = deadline > KTIME_MAX || deadline > ktime_get_ns();
	int ret;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE); /* (F), pairs with (E) */
		ret = 0;
		if (reached(w))
			break;
		ret = -ETIMEDOUT;
		if (!in_time)
			break;
		ret = why_interrupted();
		if (ret)
			break;
		in_time = sleep_until(deadline);
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/* Not inline, as is kick_worker(): the path that does not sleep needs no stack. */
static noinline int wait_for(struct millrace_file *file, u32 target, u64 deadline)
{
	struct waiter w = {
		.entry = { .func = wake_reached, .private = current },
		.session = &file->session,
		.target = target,
	};
	int ret;

	join_waits(file, &w);
	ret = sleep_until_reached(&w, deadline);
	leave_waits(file, &w);
	return ret;
}

/* A turn here and now, if nobody else is being served or waits to be. */
static inline bool run_inline(struct millrace_file *file)
{
	struct millrace_node *node = file->node;
	bool ran;

	if (!node->device.driver->may_inline || !mutex_trylock(&node->run))
		return false;
	ran = millrace_sched_run_inline(&file->session);
	if (ran)
		millrace_count(file->session.count.kicks, 1);
	mutex_unlock(&node->run);
	if (ran && unlikely(millrace_sched_waiting(&node->device))) {
		smp_mb(); /* pairs with the one in the worker's sleep() */
		millrace_worker_wake(node);
	}
	return ran;
}

static noinline void kick_worker(struct millrace_file *file)
{
	if (millrace_sched_kick(&file->session)) /* a full barrier */
		millrace_worker_wake(file->node);
}

static inline void kick(struct millrace_file *file, bool may_inline)
{
	trace_millrace_kick(file);
	if (!may_inline || !run_inline(file))
		kick_worker(file);
}

/*
 * The client's CQ head seems impossible. It may have been moved, by another thread of the client,
 * after it was read and before the tail was; under both locks no tail moves, and it can be judged.
 */
static noinline int check_head(struct millrace_file *file, u32 *head)
{
	struct millrace_session *s = &file->session;
	unsigned long flags;
	bool bad;

	millrace_run_lock(file->node);
	millrace_lock(&s->lock, flags);
	*head = millrace_load(&s->client->cq_head.value);
	bad = s->cq.published - *head > s->cq.entries;
	millrace_unlock(&s->lock, flags);
	millrace_run_unlock(file->node);
	if (!bad)
		return 0;
	millrace_session_end(s, MILLRACE_ERROR_CQ_HEAD);
	return -EPROTO;
}

/* As copy_from_user(), but that calls a function, and checks what is known of three words here. */
static bool read_request(struct millrace_enter *req, const struct millrace_enter __user *arg)
{
	if (!user_read_access_begin(arg, sizeof(*arg)))
		return false;
	unsafe_get_user(req->flags, &arg->flags, fault);
	unsafe_get_user(req->min_complete, &arg->min_complete, fault);
	unsafe_get_user(req->deadline, &arg->deadline, fault);
	unsafe_get_user(req->reserved, &arg->reserved, fault);
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

static bool request_valid(const struct millrace_session *s, const struct millrace_enter *req)
{
	if (unlikely(!millrace_load_acquire(&s->started) || req->reserved))
		return false;
	if (req->flags & MILLRACE_ENTER_WAIT)
		return !(req->flags & ~(MILLRACE_ENTER_KICK | MILLRACE_ENTER_WAIT)) &&
		       req->min_complete - 1 < s->cq.entries;
	return req->flags == MILLRACE_ENTER_KICK;
}

/* Waits if it must. The number of completions beyond @head, or -errno. */
static long finish(struct millrace_file *file, const struct millrace_enter *req, u32 head)
{
	struct millrace_session *s = &file->session;
	u32 n = cq_tail(s) - head;
	int err = 0;

	if (unlikely(n > s->cq.entries)) {
		err = check_head(file, &head);
		if (err)
			return err;
		n = cq_tail(s) - head;
	}
	if (req->flags & MILLRACE_ENTER_WAIT && n < req->min_complete) {
		err = wait_for(file, head + req->min_complete, req->deadline);
		if (err)
			return err;
		n = cq_tail(s) - head;
	}
	if (unlikely(!n))
		return millrace_session_errno(s);
	return min(n, s->cq.entries);
}

long millrace_file_enter(struct millrace_file *file, const struct millrace_enter __user *arg)
{
	struct millrace_session *s = &file->session;
	struct millrace_enter req;
	u32 head;

	if (!read_request(&req, arg))
		return -EFAULT;
	if (!request_valid(s, &req))
		return millrace_session_errno(s) ?: -EINVAL;
	head = millrace_load(&s->client->cq_head.value);
	if (req.flags & MILLRACE_ENTER_KICK)
		kick(file, req.flags & MILLRACE_ENTER_WAIT);
	return finish(file, &req, head);
}

static noinline int sync_slowly(struct millrace_file *file, u32 target)
{
	struct millrace_session *s = &file->session;
	int err = millrace_session_errno(s);

	if (err)
		return err;
	/* Waiting for room that only the caller can make would be for ever. */
	if (target - millrace_load(&s->client->cq_head.value) > s->cq.entries)
		return -EAGAIN;
	err = wait_for(file, target, MILLRACE_FOREVER);
	if (err || (s32)(cq_tail(s) - target) >= 0)
		return err;
	return millrace_session_errno(s);
}

/*
 * fdatasync(): ENTER for whoever wants all that he has published done, in a shorter way than an ioctl
 * has: the arguments are in the rings, and no security module asks what an ioctl's number may mean.
 * Commands and completions are counted alike: when the CQ tail is where the SQ tail was, all is done.
 */
int millrace_file_sync(struct file *f, loff_t start, loff_t end, int datasync)
{
	struct millrace_file *file = f->private_data;
	struct millrace_session *s = &file->session;
	u32 target;

	if (!millrace_load_acquire(&s->started))
		return millrace_session_errno(s) ?: -EINVAL;
	target = millrace_load(&s->client->sq_tail.value);
	kick(file, true);
	if (likely((s32)(cq_tail(s) - target) >= 0))
		return 0;
	return sync_slowly(file, target);
}
