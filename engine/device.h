/* SPDX-License-Identifier: MIT */
/*
 * A device as the engine sees it: a driver, its operations by opcode, its geometry, the scheduler.
 * A home embeds it in a structure of its own.
 *
 * "The worker" below is whoever runs commands at this moment: the home's one thread for the device,
 * or a submitter in the kernel who has taken the device's run lock. There is one at a time, and what
 * is marked as the worker's needs no lock.
 */
#ifndef MILLRACE_ENGINE_DEVICE_H
#define MILLRACE_ENGINE_DEVICE_H

#include "../include/millrace/driver.h"
#include "../include/uapi/millrace.h"
#include "../ring/ring.h"
#include "sched.h"

struct millrace_slot;

/* Completions are published in bunches of at most this many. */
#define MILLRACE_DONE_MAX 32

struct millrace_device {
	const struct millrace_driver *driver;
	void *state; /* the driver's */
	char name[MILLRACE_NAME_SIZE];
	enum millrace_home home;

	const struct millrace_op *op[MILLRACE_OPCODES];
	__u32 max_params, max_outputs;
	__u32 sqe_size, cqe_size; /* bytes; powers of two */
	__u32 max_entries, max_group, max_sessions, max_buffers, max_poll_us;
	__u64 max_buffer_size, max_memory;

	/* The worker's. */
	struct millrace_sched sched;
	struct millrace_slot **group;		       /* the group that is being taken */
	struct millrace_slot *done[MILLRACE_DONE_MAX]; /* completed, not published */
	__u32 done_count;
};

/* Whether a session has kicked or stands in the FIFO: to be checked last before sleeping. */
static inline bool millrace_sched_waiting(const struct millrace_device *d)
{
	return millrace_load(&d->sched.kicked) || millrace_load(&d->sched.ready);
}

/*
 * Fills in what follows from the driver's declaration and allocates. -EINVAL when the declaration
 * contradicts itself (an opcode twice, a span's parameter that does not exist, a limit that is not
 * a power of two), -ENOMEM. Then calls the driver's probe().
 */
int millrace_device_init(struct millrace_device *d, const struct millrace_driver *driver,
			 const char *name, enum millrace_home home);

/* Undoes it. No session is left. */
void millrace_device_exit(struct millrace_device *d);

/* Answers to MILLRACE_IOC_INFO and MILLRACE_IOC_OP; info->sessions is the home's to fill in. */
void millrace_device_info(const struct millrace_device *d, struct millrace_info *info);
int millrace_device_op_info(const struct millrace_device *d, struct millrace_op_info *info);

#endif
