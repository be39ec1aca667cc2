// SPDX-License-Identifier: GPL-2.0
/*
 * The design that seeds/000 describes, to be compared with: each process has a submit and a
 * complete ring in mapped memory, found in a hash table by process id; one ioctl per submission
 * wakes the one kernel thread, which goes through the whole table and drains each ring.
 */
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "seed_peer.h"

struct process {
	struct hlist_node node;
	pid_t pid;
	struct seed_rings *rings;
	u32 head, tail; /* private: of submit, of complete */
	wait_queue_head_t done;
};

static DEFINE_HASHTABLE(processes, 8);
static DEFINE_MUTEX(lock); /* of the table, and of every process's indices */
static DECLARE_WAIT_QUEUE_HEAD(work);
static atomic_t signalled;
static struct task_struct *thread;

/* What a NOP takes: look at the command, write an output. */
static void execute_command(const struct seed_control *control, struct seed_output *output)
{
	output->value[0] = READ_ONCE(control->command) ? control->param[0] : 0;
}

static void drain(struct process *p)
{
	struct seed_rings *r = p->rings;
	u32 tail = smp_load_acquire(&r->submit_tail), first = p->tail;

	lockdep_assert_held(&lock);
	if (tail - p->head > SEED_ENTRIES)
		return;
	while (p->head != tail) {
		execute_command(&r->submit[p->head++ % SEED_ENTRIES],
				&r->complete[p->tail++ % SEED_ENTRIES]);
		smp_store_release(&r->complete_tail, p->tail);
	}
	smp_store_release(&r->submit_head, p->head);
	if (p->tail != first)
		wake_up_interruptible(&p->done);
}

static int serve(void *unused)
{
	struct process *p;
	int bucket;

	while (!kthread_should_stop()) {
		wait_event_interruptible(work, atomic_xchg(&signalled, 0) || kthread_should_stop());
		mutex_lock(&lock);
		hash_for_each(processes, bucket, p, node)
			drain(p);
		mutex_unlock(&lock);
	}
	return 0;
}

static int seed_open(struct inode *inode, struct file *file)
{
	struct process *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p->rings = vmalloc_user(sizeof(*p->rings));
	if (!p->rings) {
		kfree(p);
		return -ENOMEM;
	}
	p->pid = current->tgid;
	init_waitqueue_head(&p->done);
	file->private_data = p;
	mutex_lock(&lock);
	hash_add(processes, &p->node, p->pid);
	mutex_unlock(&lock);
	return 0;
}

static int seed_release(struct inode *inode, struct file *file)
{
	struct process *p = file->private_data;

	mutex_lock(&lock);
	hash_del(&p->node);
	mutex_unlock(&lock);
	vfree(p->rings);
	kfree(p);
	return 0;
}

static bool outputs_there(struct process *p, u32 count)
{
	return smp_load_acquire(&p->rings->complete_tail) - READ_ONCE(p->rings->complete_head) >=
	       count;
}

static long seed_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct process *p = file->private_data;

	switch (request) {
	case SEED_IOC_SUBMIT:
		atomic_set(&signalled, 1);
		wake_up_interruptible(&work);
		return 0;
	case SEED_IOC_WAIT:
		return wait_event_interruptible(p->done, outputs_there(p, arg));
	}
	return -ENOTTY;
}

static int seed_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct process *p = file->private_data;

	return remap_vmalloc_range(vma, p->rings, vma->vm_pgoff);
}

static const struct file_operations seed_fops = {
	.owner = THIS_MODULE,
	.open = seed_open,
	.release = seed_release,
	.unlocked_ioctl = seed_ioctl,
	.mmap = seed_mmap,
};

static struct miscdevice seed_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "seed_peer",
	.fops = &seed_fops,
};

static int __init seed_init(void)
{
	int err;

	thread = kthread_run(serve, NULL, "seed_peer");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	err = misc_register(&seed_device);
	if (err)
		kthread_stop(thread);
	return err;
}

static void __exit seed_exit(void)
{
	misc_deregister(&seed_device);
	kthread_stop(thread);
}

module_init(seed_init);
module_exit(seed_exit);
MODULE_DESCRIPTION("fast_driver's design, for comparison");
MODULE_LICENSE("GPL");
