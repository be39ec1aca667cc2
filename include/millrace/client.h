/* SPDX-License-Identifier: MIT */
/*
 * millrace/client.h - open a device and ask what it is.
 *
 * A struct millrace_client is one session: one open of one device. It works the same whichever home
 * the driver has; which one that is, is in the name.
 *
 * Errors: every function returns 0 or a positive result, or a negative errno. Nothing is printed and
 * the process is never ended. What these say in all functions of the library:
 *	-EINVAL	   an argument is wrong; the call did nothing. A mistake in the program.
 *	-ENODEV	   the device or its home has gone, for good: close the client and open it anew.
 *	-EPROTO	   the home refused what it found in the ring and has ended the session: close it. A
 *		   mistake in the program, such as writing to SQEs it did not reserve.
 *	-ENOMEM	   no memory, or a limit on it (RLIMIT_MEMLOCK): free something, try again.
 *
 * Thread-safety: different clients are independent. For one client, a function may be called from
 * several threads at once only where its comment says so; millrace/queue.h has the rule for rings.
 */
#ifndef MILLRACE_CLIENT_H
#define MILLRACE_CLIENT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <millrace/uapi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct millrace_client;

/*
 * Opens a device by name and gives the caller a new client, to be closed with millrace_client_close().
 *
 *	"sample0"		 the kernel's device if there is one, else a process home's socket
 *				 sample0.sock in $MILLRACE_RUN_DIR, $XDG_RUNTIME_DIR/millrace, /run/millrace
 *	"/dev/millrace/sample0"	 the kernel's device
 *	"unix:PATH"		 a process home's socket
 *	"local:sample"		 a driver in a thread of this process; all clients of one driver in
 *				 a process share one device. The plug-in is looked for in
 *				 $MILLRACE_DRIVER_PATH, then where the library was installed.
 *
 * -ENOENT: no such device. -EACCES: not allowed to: see docs/install.md on the group `millrace`.
 * -ECONNREFUSED: the socket is there, its home is not. -EBUSY: the device has as many sessions as it
 * allows: try later. -ETIMEDOUT: its home does not answer for five seconds: it is stopped, or stuck.
 * -EPROTONOSUPPORT: the home speaks another version of the ABI. Any thread.
 */
int millrace_client_open(const char *name, struct millrace_client **client);

/*
 * Ends the session: commands on their way are cancelled, mappings are undone, buffers freed. All that
 * came from this client becomes invalid, registered memory is the caller's alone again. NULL is
 * allowed. No other thread may still use the client.
 */
void millrace_client_close(struct millrace_client *client);

/* What the device is; filled in at open, valid until close. info.sessions as of the open. Any thread. */
const struct millrace_info *millrace_client_info(const struct millrace_client *client);

/* The operation at @index (0 .. info->ops - 1). -ENOENT: there is none. Any thread. */
int millrace_client_op(struct millrace_client *client, unsigned int index,
		       struct millrace_op_info *op);

/*
 * Statistics of the session with the lowest id not below @id, of any client of this device; start
 * with 0 and go on with stats->id + 1. -ENOENT: there is none. Any thread.
 */
int millrace_client_stats(struct millrace_client *client, __u64 id,
			  struct millrace_session_stats *stats);

/*
 * The names of devices that are there now, kernel and process home, for millrace_client_open(). Calls
 * @each once for a name; stops early when that returns other than 0, and returns it. A name is listed
 * when its node or socket exists; whether it may be opened is not tried. Any thread.
 */
int millrace_device_list(int (*each)(const char *name, enum millrace_home home, void *arg),
			 void *arg);

#ifdef __cplusplus
}
#endif

#endif
