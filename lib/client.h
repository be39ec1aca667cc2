/* SPDX-License-Identifier: MIT */
/*
 * A client inside the library, and the two ways to reach a home.
 *
 * Everything that differs between the kernel home and the process home is in a struct
 * millrace_backend: kernel.c and socket.c. The rings in queue.c know only mapped memory.
 */
#ifndef MILLRACE_LIB_CLIENT_H
#define MILLRACE_LIB_CLIENT_H

#include <millrace/millrace.h>
#include <pthread.h>

#include "../ring/event.h"

/* A buffer of this client, kept until it is freed. */
struct millrace_mapping {
	struct millrace_mapping *next;
	void *data;
	size_t size;
	__u32 handle;
	bool registered; /* the caller's own memory */
};

struct millrace_client {
	const struct millrace_backend *backend;
	struct millrace_info info;
	int fd;		  /* the kernel's device, or the socket */
	int ended;	  /* 0, or the errno with which the session has ended; set once, by any side */
	pthread_mutex_t lock; /* one request at a time; mappings */
	struct millrace_mapping *mappings;

	/* The queue pair; area pointers are NULL before set-up. */
	struct millrace_setup setup;
	struct millrace_client_area *client;
	const struct millrace_driver_area *driver;
	int kick_fd, wake_fd; /* process home */
	bool armed;	      /* wake_fd may have something to read; the completing side's */
	/* The completing side's: the limit that the caller set, and how much of it is used now. */
	__u64 spin_most; /* ns */
	__u64 spin_ns;
	__u32 spin_count;

	/* The submitting side's, on lines of its own; where its SQEs are. */
	struct millrace_producer sq __attribute__((aligned(128)));
	struct millrace_slots sqes;
	/* The completing side's; where its CQEs are. */
	struct millrace_consumer cq __attribute__((aligned(128)));
	struct millrace_slots cqes;
};

struct millrace_backend {
	/* Sends a request and takes its answer. 0 or -errno. */
	int (*request)(struct millrace_client *c, unsigned int request, void *argument,
		       size_t size);
	/* After the set-up request: fills in the client's areas and descriptors. */
	int (*setup)(struct millrace_client *c, struct millrace_setup *setup);
	/* Makes and maps a buffer, or registers *data. */
	int (*create)(struct millrace_client *c, struct millrace_buffer_request *r, void **data);
	int (*enroll)(struct millrace_client *c, struct millrace_buffer_request *r, void *data);
	/* Undoes what enroll() did to the caller's memory. */
	void (*restore)(void *data, size_t size);
	int (*set_eventfd)(struct millrace_client *c, int eventfd);
	/* Wakes the home. */
	int (*kick)(struct millrace_client *c);
	/*
	 * Kicks and waits in one call, where there is such a call; else NULL. Like sleep(). @all: for
	 * every command that was ever submitted.
	 */
	int (*kick_and_sleep)(struct millrace_client *c, __u32 min, bool all, __u64 deadline);
	/*
	 * Sleeps until completions may be there. 0: look again; -ETIMEDOUT, -EINTR; or the errno with
	 * which the session has ended.
	 */
	int (*sleep)(struct millrace_client *c, __u32 min, __u64 deadline);
	/* The descriptor for event loops. */
	int (*poll_fd)(const struct millrace_client *c);
	/* Before it is armed anew: makes it unreadable, where reading it does that; else NULL. */
	void (*drain)(struct millrace_client *c);
	void (*close)(struct millrace_client *c);
};

extern const struct millrace_backend millrace_kernel_backend;
extern const struct millrace_backend millrace_socket_backend;

/* Remembers that the session has ended, and returns the errno. */
int millrace_client_ended(struct millrace_client *c, int err);
/* 0 or the errno with which the session has ended, as the home says. */
int millrace_client_error(struct millrace_client *c);

/* The same, when it is almost certainly 0. */
static inline int millrace_client_check(struct millrace_client *c)
{
	if (!millrace_load(&c->ended) && !millrace_load(&c->driver->error.value))
		return 0;
	return millrace_client_error(c);
}

/* queue.c: whether a home's answer can be. It is checked like anything that comes from elsewhere. */
bool millrace_setup_plausible(const struct millrace_client *c, const struct millrace_setup *s);

/* name.c: a connected descriptor for a device's name, and how to talk to it. */
int millrace_name_open(const char *name, const struct millrace_backend **backend);
/* The directories in which sockets of process homes are looked for; each is called with a path. */
int millrace_name_run_dirs(int (*each)(const char *dir, void *arg), void *arg);

/* exchange.c: replaces private anonymous memory by a shared memfd with its content, and back. */
int millrace_exchange_shared(void *data, size_t size, int *memfd);
void millrace_exchange_private(void *data, size_t size);

/* The nanoseconds of CLOCK_MONOTONIC. */
__u64 millrace_clock(void);

#endif
