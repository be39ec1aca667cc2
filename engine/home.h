/* SPDX-License-Identifier: MIT */
/*
 * What a home does for the engine. kernel/core and host/ each define these functions; beside them,
 * those of millrace/driver.h that touch the outside: millrace_cmd_delay(), millrace_now(), ...
 */
#ifndef MILLRACE_ENGINE_HOME_H
#define MILLRACE_ENGINE_HOME_H

struct millrace_session;

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
