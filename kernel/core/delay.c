// SPDX-License-Identifier: GPL-2.0
/*
 * Time for drivers: the clock, giving way, delayed calls.
 *
 * A command's slot may be used again, timer and all, while the callback of its last use is on its
 * way out on another processor; hrtimer_try_to_cancel() then says "running" of a timer that is
 * queued. So whether the delay of *this* command is out is a flag of our own.
 */
#include <linux/ktime.h>
#include <linux/sched.h>

#include "core.h"

static struct millrace_delay *delay_of(struct millrace_cmd *cmd)
{
	return &container_of(cmd, struct millrace_slot, cmd)->delay;
}

static enum hrtimer_restart expire(struct hrtimer *timer)
{
	struct millrace_delay *delay = container_of(timer, struct millrace_delay, timer);
	struct millrace_slot *slot = container_of(delay, struct millrace_slot, delay);

	WRITE_ONCE(delay->armed, false);
	/* Completes the command: from then on the slot, and even the session, may be gone. */
	slot->cmd.session->device->driver->expired(&slot->cmd);
	return HRTIMER_NORESTART;
}

void millrace_cmd_delay(struct millrace_cmd *cmd, __u64 ns)
{
	struct millrace_delay *delay = delay_of(cmd);

	hrtimer_setup(&delay->timer, expire, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	WRITE_ONCE(delay->armed, true);
	hrtimer_start(&delay->timer, min_t(u64, ns, KTIME_MAX), HRTIMER_MODE_REL);
}

bool millrace_cmd_delay_stop(struct millrace_cmd *cmd)
{
	struct millrace_delay *delay = delay_of(cmd);

	while (READ_ONCE(delay->armed)) {
		if (hrtimer_try_to_cancel(&delay->timer) > 0) {
			WRITE_ONCE(delay->armed, false);
			return true;
		}
		/* A callback runs: this one's, which clears armed first of all, or an old one's. */
		cpu_relax();
	}
	return false;
}

__u64 millrace_now(void)
{
	return ktime_get_ns();
}

void millrace_yield(void)
{
	cond_resched();
}
