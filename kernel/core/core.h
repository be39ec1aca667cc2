/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel home: what its files share.
 *
 * A *node* is a device as the kernel home has it: the engine's device, its /dev/millrace/<name>, its
 * worker. A *file* is one open of it: the engine's session and what the kernel adds to that.
 *
 * Locks, in the order in which they are taken (outermost first):
 *
 *	lock		 in		protects
 *	nodes_lock	 device.c	the list of nodes, their names
 *	file->lock	 file		set-up and shutting down: at most one of them at a time
 *	mm->mmap_lock	 the kernel	(held by our mmap; pages are pinned and accounted under it)
 *	file->table_lock file		whether the engine's buffer table is still there
 *	node->run	 node		what the engine marks as the worker's: the holder is the worker
 *	node->lock	 node		node->files, ->queues, ->gone, ->past; sessions start under it
 *	session.lock	 engine		completion: see engine/session.h. Taken in interrupts
 *	file->wait.lock	 file		the waits in ENTER, session.wait_event
 *	buffers.lock	 engine		the buffer table; innermost
 *
 * file->lock is never taken with mmap_lock held, nor mmap_lock with file->lock held.
 */
#ifndef MILLRACE_CORE_H
#define MILLRACE_CORE_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "../../engine/home.h"
#include "../../engine/session.h"
#include "../compat/compat.h"

struct eventfd_ctx;
struct poll_table_struct;

/* Where the areas and buffers are in mmap's offsets: 44 bits, as 32-bit clients have. */
#define MILLRACE_CLIENT_OFFSET 0ULL
#define MILLRACE_DRIVER_OFFSET (1ULL << 31)
#define MILLRACE_BUFFER_SHIFT  32 /* offset = handle << 32 */

struct millrace_node {
	struct millrace_device device;

	struct mutex run;
	atomic_t wanted; /* how many others than the worker wait for run */
	bool asleep;	 /* the worker has to be woken: see worker.c */
	struct task_struct *worker;

	struct mutex lock;
	struct xarray files; /* by id */
	unsigned long last_id;
	u32 open, queues; /* files; those with a queue pair. Read without the lock */
	bool gone;
	struct millrace_counters past; /* of files that are closed */

	struct list_head list;
	struct dentry *debugfs;
	struct device dev; /* its reference count is the node's */
	struct cdev cdev;
};

/* Pages that are mapped for the kernel. */
struct millrace_memory {
	void *data;
	struct page **page;
	unsigned long count;
};

struct millrace_file {
	struct millrace_session session;
	struct millrace_node *node; /* a reference */

	wait_queue_head_t wait; /* those who wait in ENTER, see enter.c */
	wait_queue_head_t poll;
	struct eventfd_ctx __rcu *eventfd; /* replaced under lock */
	struct millrace_memory client, driver; /* from set-up on, until the last reference goes */

	struct mutex lock;
	struct mutex table_lock;
	bool closed;		   /* both locks to set it, either to read it */
	struct completion drained; /* the last command that was out has completed */
	atomic_t buffers;	   /* not yet destroyed */

	struct kref refs;
	unsigned long id;
	struct pid *pid; /* the opener's, a reference */
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

static inline struct millrace_node *millrace_node(struct millrace_device *device)
{
	return container_of(device, struct millrace_node, device);
}

static inline struct millrace_file *millrace_file(struct millrace_session *s)
{
	return container_of(s, struct millrace_file, session);
}

/* main.c */
extern struct class *millrace_class;
extern dev_t millrace_devt;
#define MILLRACE_MINORS 256

/* session.c */
extern const struct file_operations millrace_fops;
/*
 * Ends everything that goes on for a file; when it returns no command is out, the driver has been
 * told, no memory of the client is pinned. What is mapped stays. May sleep; any number of callers.
 */
void millrace_file_shutdown(struct millrace_file *file);
void millrace_file_put(struct millrace_file *file);

/* stats.c */
int millrace_node_stats(struct millrace_node *node, struct millrace_session_stats *stats);
void millrace_counters_add(struct millrace_counters *sum, const struct millrace_counters *c);
void millrace_node_total(struct millrace_node *node, struct millrace_counters *sum);

/* enter.c */
long millrace_file_enter(struct millrace_file *file, const struct millrace_enter __user *arg);
int millrace_file_sync(struct file *f, loff_t start, loff_t end, int datasync);
void millrace_file_wake_waits(struct millrace_file *file);

/* poll.c */
__poll_t millrace_file_poll(struct file *f, struct poll_table_struct *table);
int millrace_file_set_eventfd(struct millrace_file *file,
			      const struct millrace_eventfd __user *arg);

/* memory.c; sizes are multiples of the page size */
int millrace_memory_alloc(struct millrace_memory *m, u64 size);
void millrace_memory_free(struct millrace_memory *m);
int millrace_memory_vmap(struct millrace_memory *m);
int millrace_memory_mmap(const struct millrace_memory *m, struct vm_area_struct *vma);
int millrace_file_mmap(struct file *f, struct vm_area_struct *vma);

/* buffer.c; the ioctls, and mmap of what BUFFER_CREATE has made */
int millrace_buffer_create(struct millrace_file *file, struct millrace_buffer_request __user *arg);
int millrace_buffer_register(struct millrace_file *file,
			     struct millrace_buffer_request __user *arg);
int millrace_buffer_free(struct millrace_file *file,
			 const struct millrace_buffer_request __user *arg);
int millrace_buffer_mmap(struct millrace_file *file, u64 handle, struct vm_area_struct *vma);
/* Returns when all buffers of a file have been destroyed; none is made any more. */
void millrace_buffers_wait(struct millrace_file *file);
int millrace_buffers_setup(void);
void millrace_buffers_cleanup(void);

/* worker.c */
int millrace_worker_start(struct millrace_node *node);
void millrace_worker_stop(struct millrace_node *node);
/* To be called after a full barrier after whatever made millrace_sched_waiting() true. */
void millrace_worker_wake(struct millrace_node *node);
/* The run lock, for others than the worker. */
void millrace_run_lock(struct millrace_node *node);
void millrace_run_unlock(struct millrace_node *node);

/* sysfs.c, debugfs.c */
extern const struct attribute_group *millrace_node_groups[];
void millrace_debugfs_add(struct millrace_node *node);
void millrace_debugfs_remove(struct millrace_node *node);
void millrace_debugfs_setup(void);
void millrace_debugfs_cleanup(void);

#endif
