// SPDX-License-Identifier: GPL-2.0
/* Waking clients: poll, eventfd, and those who wait in ENTER. */
#include <linux/eventfd.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

/* May be called in an interrupt, with session.lock held. */
void millrace_home_wake(struct millrace_session *s)
{
	struct millrace_file *file = millrace_file(s);
	struct eventfd_ctx *eventfd;

	trace_millrace_wake(file);
	millrace_file_wake_waits(file);
	wake_up_poll(&file->poll, EPOLLIN | EPOLLRDNORM |
		     (millrace_load(&s->error) ? EPOLLERR | EPOLLHUP : 0));
	rcu_read_lock();
	eventfd = rcu_dereference(file->eventfd);
	if (eventfd)
		millrace_eventfd_signal(eventfd);
	rcu_read_unlock();
}

__poll_t millrace_file_poll(struct file *f, struct poll_table_struct *table)
{
	struct millrace_file *file = f->private_data;
	struct millrace_session *s = &file->session;
	__poll_t mask = 0;

	poll_wait(f, &file->poll, table);
	if (millrace_load(&s->error))
		mask |= EPOLLERR | EPOLLHUP;
	if (!millrace_load_acquire(&s->started))
		return mask | EPOLLERR;
	if (millrace_load_acquire(&s->driver->cq_tail.value) !=
	    millrace_load(&s->client->cq_head.value))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

int millrace_file_set_eventfd(struct millrace_file *file,
			      const struct millrace_eventfd __user *arg)
{
	struct eventfd_ctx *ctx = NULL;
	struct millrace_eventfd req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.reserved || req.fd < -1 || !millrace_load_acquire(&file->session.started))
		return -EINVAL;
	if (req.fd != -1) {
		ctx = eventfd_ctx_fdget(req.fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	mutex_lock(&file->lock);
	ctx = rcu_replace_pointer(file->eventfd, ctx, lockdep_is_held(&file->lock));
	mutex_unlock(&file->lock);
	if (ctx) {
		synchronize_rcu();
		eventfd_ctx_put(ctx);
	}
	return 0;
}
