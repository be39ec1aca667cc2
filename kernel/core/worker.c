// SPDX-License-Identifier: GPL-2.0
/* The worker: the one thread of a device that serves its sessions. */
#include <linux/kthread.h>

#include "core.h"
#include "trace.h"

/* Looks after which the run lock is let go of in any case: for RCU, and for who tries it. */
#define LOOKS 1024
#define LOOKS_PER_PAUSE 16

static bool wanted_elsewhere(const struct millrace_node *node)
{
	return atomic_read(&node->wanted) || need_resched();
}

/*
 * Serves until there is nothing to do and nobody is polled (true), or for as long as is decent. A
 * cpu_relax() only now and then: a look is long enough to relax by itself, and a hypervisor may take a
 * pause for an invitation to run somebody else.
 */
static bool serve(struct millrace_node *node)
{
	struct millrace_device *d = &node->device;
	unsigned int i;

	lockdep_assert_held(&node->run);
	for (i = 0; i < LOOKS && !wanted_elsewhere(node); i++) {
		if (millrace_sched_run(d))
			continue;
		if (millrace_sched_settle(d))
			return true;
		if (i % LOOKS_PER_PAUSE == 0)
			cpu_relax();
	}
	return false;
}

static void sleep(struct millrace_node *node)
{
	WRITE_ONCE(node->asleep, true);
	/* Full barrier, pairs with the kicker's: either we see its kick or it sees that we sleep. */
	set_current_state(TASK_IDLE);
	if (!millrace_sched_waiting(&node->device) && !kthread_should_stop()) {
		trace_millrace_worker_sleep(node);
		schedule();
		trace_millrace_worker_wake(node);
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(node->asleep, false);
}

static int work(void *data)
{
	struct millrace_node *node = data;

	while (!kthread_should_stop()) {
		bool idle;

		mutex_lock(&node->run);
		idle = serve(node);
		mutex_unlock(&node->run);
		if (idle)
			sleep(node);
		else
			cond_resched();
	}
	return 0;
}

int millrace_worker_start(struct millrace_node *node)
{
	struct task_struct *task = kthread_create(work, node, "millrace/%s", node->device.name);

	if (IS_ERR(task))
		return PTR_ERR(task);
	/* Files may kick it for as long as the node lives, longer than the thread. */
	node->worker = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

void millrace_worker_stop(struct millrace_node *node)
{
	kthread_stop(node->worker);
}

void millrace_worker_wake(struct millrace_node *node)
{
	if (READ_ONCE(node->asleep))
		wake_up_process(node->worker);
}

void millrace_run_lock(struct millrace_node *node)
{
	atomic_inc(&node->wanted);
	mutex_lock(&node->run);
	atomic_dec(&node->wanted);
}

void millrace_run_unlock(struct millrace_node *node)
{
	mutex_unlock(&node->run);
}
