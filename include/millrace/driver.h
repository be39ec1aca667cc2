/* SPDX-License-Identifier: MIT */
/*
 * millrace/driver.h - what a driver is.
 *
 * A driver is a struct millrace_driver: what it declares (operations, limits) and a few functions.
 * Its device logic is written against this header alone and compiled twice, as a kernel module and
 * as a plug-in of the process home; which of the two it runs in it need not know. docs/driver.md
 * walks through a driver of one page.
 *
 * Calling context. The home calls execute() for one command of a device at a time, never two at
 * once; the commands of a group follow one another. It may sleep (kernel: process context, no
 * spinlock held) but while it does, its device serves nobody else; what takes long should return
 * MILLRACE_LATER and complete from a timer, an interrupt or a thread. open(), close(), probe() and
 * remove() may sleep. close() comes after the last command of the session has completed.
 *
 * Thread-safety: millrace_cmd_complete() may be called from any context, hard interrupts included,
 * once per command. Everything else is called by the home, or from within its calls.
 */
#ifndef MILLRACE_DRIVER_H
#define MILLRACE_DRIVER_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
#endif

struct millrace_cmd;
struct millrace_device;
struct millrace_session;
#ifdef __KERNEL__
struct module;
#endif

/* What an operation may refer to: up to two stretches of buffers. */
#define MILLRACE_SPANS 2

/* How execute() says that it will call millrace_cmd_complete() later. */
#define MILLRACE_LATER 1

/* A stretch of memory, mapped for the driver. The client can change its content at any time. */
struct millrace_span {
	void *data;
	__u64 size; /* bytes */
};

/* Which parameters name a stretch of a buffer: indices into param[]. */
struct millrace_span_params {
	__u8 handle;
	__u8 offset; /* bytes */
	__u8 size;   /* bytes */
};

/*
 * One operation of a device.
 *
 * @params, @outputs: how many it takes and gives. The home sizes the ring's entries after the
 *		      largest of them; clients ask for it at run time.
 * @spans:	      how many stretches of buffers it refers to, and in span[] which parameters they
 *		      are. The home checks them and execute() finds them in cmd->span[].
 */
struct millrace_op {
	const char *name;
	__u16 opcode; /* below MILLRACE_OPCODES */
	__u8 params;  /* up to MILLRACE_PARAMS */
	__u8 outputs; /* up to MILLRACE_OUTPUTS */
	__u8 spans;
	struct millrace_span_params span[MILLRACE_SPANS];
};

#define MILLRACE_OPCODES 256
#define MILLRACE_PARAMS	 30
#define MILLRACE_OUTPUTS 30

/*
 * A command as its driver sees it: private memory, checked. It is the driver's from execute() until
 * that returns something other than MILLRACE_LATER, or until millrace_cmd_complete().
 */
struct millrace_cmd {
	struct millrace_session *session;
	const struct millrace_op *op;
	const __u64 *param; /* op->params of them */
	__u64 *output;	    /* op->outputs of them, zero at first */
	struct millrace_span span[MILLRACE_SPANS];
	__u64 scratch[4];   /* the driver's, for its own bookkeeping */
};

/*
 * A driver. All functions but execute() are optional. 0 for a limit means the home's own.
 *
 * @device_state, @session_state: bytes of zeroed memory that the home keeps for the driver, for each
 *	     device from probe() to remove(), for each session from open() to close().
 * @probe:   make the device. 0 or -errno.
 * @remove:  undo probe(). No session is left.
 * @open:    a client has come. 0 or -errno, which the client gets.
 * @close:   undo open().
 * @execute: run a command. Returns its status: 0 or a negative errno; or MILLRACE_LATER. Anything else
 *	     completes as -EIO.
 * @cancel:  the session is going: complete this command, that is on its way, soon. Called in a
 *	     context that may sleep, possibly while the command is just being completed; the command
 *	     stays valid until cancel() returns. Needed by drivers that return MILLRACE_LATER.
 * @expired: the time given to millrace_cmd_delay() is up. Kernel: hard interrupt context.
 * @may_inline: commands may run in the context of the process that submitted them.
 */
struct millrace_driver {
	const char *name;
	const struct millrace_op *ops;
	unsigned int op_count;

	__u32 max_entries; /* of either ring; a power of two */
	__u32 max_group;
	__u32 max_sessions;
	__u32 max_buffers; /* per session */
	__u64 max_buffer_size;
	__u64 max_memory; /* bytes of all buffers of a session */
	bool may_inline;
	size_t device_state, session_state;

	int (*probe)(struct millrace_device *device);
	void (*remove)(struct millrace_device *device);
	int (*open)(struct millrace_session *session);
	void (*close)(struct millrace_session *session);
	int (*execute)(struct millrace_cmd *cmd);
	void (*cancel)(struct millrace_cmd *cmd);
	void (*expired)(struct millrace_cmd *cmd);
};

/* Completes a command for which execute() returned (or is about to return) MILLRACE_LATER. */
void millrace_cmd_complete(struct millrace_cmd *cmd, int status);

/*
 * Has the home call expired() in @ns nanoseconds, once. For commands that return MILLRACE_LATER; the
 * command must not be completed before expired() or a successful millrace_cmd_delay_stop().
 */
void millrace_cmd_delay(struct millrace_cmd *cmd, __u64 ns);

/* Stops the delay. False: expired() has run, is running, or no delay was set. */
bool millrace_cmd_delay_stop(struct millrace_cmd *cmd);

/* The driver's state of a device or a session. */
void *millrace_device_state(const struct millrace_device *device);
void *millrace_session_state(const struct millrace_session *session);
struct millrace_device *millrace_session_device(const struct millrace_session *session);

/* CLOCK_MONOTONIC in nanoseconds. */
__u64 millrace_now(void);

/* To be called now and then in long computations, outside locks: lets others have the processor. */
void millrace_yield(void);

/*
 * How a driver meets its home. drivers/<name>/kernel.c is one line:
 *	MILLRACE_KERNEL_DRIVER(my_driver);	(a device <driver>0 while the module is loaded)
 * and drivers/<name>/process.c is one line:
 *	MILLRACE_PROCESS_DRIVER(my_driver);	(a plug-in that millrace-host loads)
 */
#ifdef __KERNEL__
int millrace_device_register(const struct millrace_driver *driver, struct module *owner,
			     struct millrace_device **device);
void millrace_device_unregister(struct millrace_device *device);

#define MILLRACE_KERNEL_DRIVER(driver_)                                                            \
	static struct millrace_device *millrace_the_device;                                        \
	static int __init millrace_driver_init(void)                                               \
	{                                                                                          \
		return millrace_device_register(&(driver_), THIS_MODULE, &millrace_the_device);    \
	}                                                                                          \
	static void __exit millrace_driver_exit(void)                                              \
	{                                                                                          \
		millrace_device_unregister(millrace_the_device);                                   \
	}                                                                                          \
	module_init(millrace_driver_init);                                                         \
	module_exit(millrace_driver_exit)
#else
#define MILLRACE_PROCESS_DRIVER(driver_)                                                           \
	__attribute__((visibility("default"))) extern const struct millrace_driver *const          \
		millrace_plugin_driver;                                                            \
	const struct millrace_driver *const millrace_plugin_driver = &(driver_)
#ifdef __cplusplus
}
#endif
#endif

#endif
