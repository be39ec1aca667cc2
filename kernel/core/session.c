// SPDX-License-Identifier: GPL-2.0
/* Files: opening a device, its requests, its end. */
#include <linux/cred.h>
#include <linux/eventfd.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "core.h"
#include "trace.h"

/* Called with session.lock held; the waiter takes it once before it frees what it is in. */
void millrace_home_drained(struct millrace_session *s)
{
	complete(&millrace_file(s)->drained);
}

static void free_file(struct kref *refs)
{
	struct millrace_file *file = container_of(refs, struct millrace_file, refs);
	struct eventfd_ctx *eventfd = rcu_dereference_protected(file->eventfd, true);

	if (eventfd)
		eventfd_ctx_put(eventfd);
	millrace_memory_free(&file->client);
	millrace_memory_free(&file->driver);
	put_pid(file->pid);
	put_device(&file->node->dev);
	mutex_destroy(&file->table_lock);
	mutex_destroy(&file->lock);
	kfree(file);
}

void millrace_file_put(struct millrace_file *file)
{
	kref_put(&file->refs, free_file);
}

static struct millrace_file *alloc_file(struct millrace_node *node)
{
	struct millrace_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return NULL;
	kref_init(&file->refs);
	mutex_init(&file->lock);
	mutex_init(&file->table_lock);
	init_waitqueue_head(&file->wait);
	init_waitqueue_head(&file->poll);
	init_completion(&file->drained);
	get_device(&node->dev);
	file->node = node;
	file->pid = get_pid(task_tgid(current));
	file->uid = current_uid();
	get_task_comm(file->comm, current->group_leader);
	millrace_clean_comm(file->comm);
	return file;
}

/* Under node->lock, so that a device that is going has either seen the file or refuses it. */
static int admit(struct millrace_node *node, struct millrace_file *file)
{
	int err;

	lockdep_assert_held(&node->lock);
	if (node->gone)
		return -ENODEV;
	if (node->open >= node->device.max_sessions)
		return -EBUSY;
	err = millrace_session_init(&file->session, &node->device);
	if (err)
		return err;
	file->id = node->last_id + 1;
	err = xa_insert(&node->files, file->id, file, GFP_KERNEL_ACCOUNT);
	if (err) {
		millrace_session_exit(&file->session);
		return err;
	}
	node->last_id = file->id;
	node->open++;
	return 0;
}

static int file_open(struct inode *inode, struct file *f)
{
	struct millrace_node *node = container_of(inode->i_cdev, struct millrace_node, cdev);
	struct millrace_file *file = alloc_file(node);
	int err;

	if (!file)
		return -ENOMEM;
	mutex_lock(&node->lock);
	err = admit(node, file);
	mutex_unlock(&node->lock);
	if (err) {
		millrace_file_put(file);
		return err;
	}
	trace_millrace_session_open(file);
	f->private_data = file;
	return nonseekable_open(inode, f);
}

/* No turn of this session is on, and none will be but such as find it ended. */
static void stop_turns(struct millrace_file *file)
{
	if (!millrace_load_acquire(&file->session.started))
		return;
	millrace_run_lock(file->node);
	millrace_sched_remove(&file->session);
	millrace_run_unlock(file->node);
}

static void drain(struct millrace_file *file)
{
	struct millrace_session *s = &file->session;
	unsigned long flags;

	if (!millrace_session_drain(s))
		wait_for_completion(&file->drained);
	/* Whoever completed the last command may still be about to let go of the lock. */
	millrace_lock(&s->lock, flags);
	millrace_unlock(&s->lock, flags);
}

static void leave(struct millrace_file *file)
{
	struct millrace_node *node = file->node;

	mutex_lock(&node->lock);
	xa_erase(&node->files, file->id);
	node->open--;
	if (file->session.started)
		node->queues--;
	millrace_counters_add(&node->past, &file->session.count);
	mutex_unlock(&node->lock);
}

static void shut_down(struct millrace_file *file)
{
	lockdep_assert_held(&file->lock);
	stop_turns(file);
	drain(file);
	mutex_lock(&file->table_lock);
	file->closed = true;
	mutex_unlock(&file->table_lock);
	millrace_session_exit(&file->session);
	millrace_buffers_wait(file);
	/* Only now: a device that is going waits for those that are in its list, and for no others. */
	leave(file);
}

void millrace_file_shutdown(struct millrace_file *file)
{
	mutex_lock(&file->lock);
	if (!file->closed)
		shut_down(file);
	mutex_unlock(&file->lock);
}

static int file_release(struct inode *inode, struct file *f)
{
	struct millrace_file *file = f->private_data;

	trace_millrace_session_close(file);
	millrace_file_shutdown(file);
	/* When the device had gone before, the file may have kicked in vain after that. */
	stop_turns(file);
	millrace_file_put(file);
	return 0;
}

static int get_info(struct millrace_file *file, struct millrace_info __user *arg)
{
	struct millrace_info info;

	millrace_device_info(&file->node->device, &info);
	info.sessions = READ_ONCE(file->node->queues);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int get_op(struct millrace_file *file, struct millrace_op_info __user *arg)
{
	struct millrace_op_info info;
	int err;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	err = millrace_device_op_info(&file->node->device, &info);
	if (err)
		return err;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int get_stats(struct millrace_file *file, struct millrace_session_stats __user *arg)
{
	struct millrace_session_stats stats;
	int err;

	if (copy_from_user(&stats, arg, sizeof(stats)))
		return -EFAULT;
	if (memchr_inv(&stats.id + 1, 0, sizeof(stats) - sizeof(stats.id)))
		return -EINVAL;
	err = millrace_node_stats(file->node, &stats);
	if (err)
		return err;
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static int start(struct millrace_file *file, const struct millrace_setup *setup)
{
	struct millrace_node *node = file->node;
	int err = -ENODEV;

	mutex_lock(&node->lock);
	if (!node->gone)
		err = millrace_session_start(&file->session, setup, file->client.data,
					     file->driver.data);
	if (!err)
		WRITE_ONCE(node->queues, node->queues + 1);
	mutex_unlock(&node->lock);
	return err;
}

static int make_queue_pair(struct millrace_file *file, struct millrace_setup *setup)
{
	int err;

	lockdep_assert_held(&file->lock);
	if (file->closed)
		return -ENODEV;
	err = millrace_session_setup(&file->session, setup);
	if (err)
		return err;
	setup->client_offset = MILLRACE_CLIENT_OFFSET;
	setup->driver_offset = MILLRACE_DRIVER_OFFSET;
	err = millrace_memory_alloc(&file->client, setup->client_size);
	if (err)
		return err;
	err = millrace_memory_alloc(&file->driver, setup->driver_size);
	if (err)
		goto undo_client;
	err = start(file, setup);
	if (err)
		goto undo_driver;
	return 0;
undo_driver:
	millrace_memory_free(&file->driver);
undo_client:
	millrace_memory_free(&file->client);
	return err;
}

/* When the answer cannot be written, the queue pair is there all the same: the next one is EBUSY. */
static int set_up(struct millrace_file *file, struct millrace_setup __user *arg)
{
	struct millrace_setup setup;
	int err;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	mutex_lock(&file->lock);
	err = make_queue_pair(file, &setup);
	mutex_unlock(&file->lock);
	if (err)
		return err;
	return copy_to_user(arg, &setup, sizeof(setup)) ? -EFAULT : 0;
}

static noinline long request(struct millrace_file *file, unsigned int cmd, void __user *arg)
{
	if (millrace_load(&file->session.error) == MILLRACE_ERROR_GONE)
		return -ENODEV;
	switch (cmd) {
	case MILLRACE_IOC_INFO:
		return get_info(file, arg);
	case MILLRACE_IOC_OP:
		return get_op(file, arg);
	case MILLRACE_IOC_STATS:
		return get_stats(file, arg);
	case MILLRACE_IOC_SETUP:
		return set_up(file, arg);
	case MILLRACE_IOC_EVENTFD:
		return millrace_file_set_eventfd(file, arg);
	case MILLRACE_IOC_BUFFER_CREATE:
		return millrace_buffer_create(file, arg);
	case MILLRACE_IOC_BUFFER_REGISTER:
		return millrace_buffer_register(file, arg);
	case MILLRACE_IOC_BUFFER_FREE:
		return millrace_buffer_free(file, arg);
	}
	return -ENOTTY;
}

/* ENTER is in a hurry. */
static long file_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	if (likely(cmd == MILLRACE_IOC_ENTER))
		return millrace_file_enter(f->private_data, (void __user *)arg);
	return request(f->private_data, cmd, (void __user *)arg);
}

const struct file_operations millrace_fops = {
	.owner = THIS_MODULE,
	.open = file_open,
	.release = file_release,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = millrace_file_mmap,
	.poll = millrace_file_poll,
	.fsync = millrace_file_sync,
};
