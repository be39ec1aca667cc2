/* SPDX-License-Identifier: MIT */
/*
 * What a home does for the engine. kernel/core and host/ each define these functions; beside them,
 * those of millrace/driver.h that touch the outside: millrace_cmd_delay(), millrace_now(), ...
 */
#ifndef MILLRACE_ENGINE_HOME_H
#define MILLRACE_ENGINE_HOME_H

#include "../include/millrace/driver.h"

struct millrace_session;

/*
 * The scheduler's clock, ns. It is read while polling, so it has to be cheap; between processors it
 * may be off by some microseconds, either way.
 */
#ifdef __KERNEL__
#include <linux/sched/clock.h>
#define millrace_home_clock() local_clock() /* ktime_get() may be a slow device register */
#else
#define millrace_home_clock() millrace_now()
#endif

/*
 * Wakes the client of a session: it has asked for it, or the session has ended. Called by the worker
 * and, with the session's completion lock held, from wherever a command completes: must not sleep.
 */
void millrace_home_wake(struct millrace_session *s);

/*
 * The last command of a session that is being drained has completed. Called with the completion lock
 * held; the session may be gone as soon as that is released.
 */
void millrace_home_drained(struct millrace_session *s);

#endif
