/* SPDX-License-Identifier: MIT */
/*
 * millrace/host.h - the process home: serve a device from an ordinary process.
 *
 * A host serves one device. It has one thread, the caller's: it accepts clients on a socket, hands
 * each its rings and buffers, and runs the driver. millrace-host is a program around this header.
 *
 * Errors are negative errno. Nothing is printed unless a log function is given.
 */
#ifndef MILLRACE_HOST_H
#define MILLRACE_HOST_H

#include <millrace/uapi.h>
#include <millrace/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

struct millrace_host;

struct millrace_host_params {
	const char *name;   /* of the device; NULL: the driver's with a 0 behind it */
	const char *socket; /* path; NULL: none, clients come by millrace_host_connect() alone */
	unsigned int mode;  /* of the socket file, such as 0660: who may connect; 0: 0600 */
	int log_fd;	    /* clients coming and going, and why sessions ended, a line each; -1: none */
};

/*
 * Loads a driver plug-in by name ("sample", looked for in $MILLRACE_DRIVER_PATH, then where the
 * library was installed) or path (with a /). It stays loaded. -ENOENT: there is none; -ENOEXEC: it is
 * no Millrace driver. Any thread.
 */
int millrace_host_load(const char *plugin, const struct millrace_driver **driver);

/*
 * Makes a host. -EADDRINUSE: somebody serves that socket now (one left behind by a host that died is
 * replaced). The params and the driver stay the caller's; the driver must outlive the host.
 */
int millrace_host_create(const struct millrace_driver *driver,
			 const struct millrace_host_params *params, struct millrace_host **host);

/* Serves until millrace_host_stop(). 0, or -errno when it cannot go on. */
int millrace_host_run(struct millrace_host *host);

/* Has millrace_host_run() return soon. Any thread, and signal handlers. */
void millrace_host_stop(struct millrace_host *host);

/* A new connection to the host, as a socket for millrace_client_open()'s "fd:N". Any thread. */
int millrace_host_connect(struct millrace_host *host);

/* Ends all sessions with -ENODEV, removes the socket, frees. Not while it runs. */
void millrace_host_destroy(struct millrace_host *host);

/* A connection to this process's own host of the driver @plugin, started when it is the first. */
int millrace_host_local(const char *plugin);

#ifdef __cplusplus
}
#endif

#endif
