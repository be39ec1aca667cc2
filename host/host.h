/* SPDX-License-Identifier: MIT */
/*
 * The process home of one device: one thread, one epoll set.
 *
 * The thread that calls millrace_host_run() is "the worker" of engine/device.h and does all the rest
 * too: it accepts clients, answers their requests, and runs timers. It sleeps in epoll_wait(), on
 * sockets, on the clients' kick eventfds (edge-triggered: their order in epoll's ready list is the order
 * of the kicks, and nothing has to be read), and on its own attention eventfd. While it is awake it
 * looks at the set now and then: millrace_host_run() says when.
 *
 * Other threads get in by three doors: millrace_host_stop(), millrace_host_connect(), and
 * millrace_cmd_complete() from a driver's threads.
 *
 * A client is never trusted and never waited for. What it shares with the home is sealed memory that
 * cannot shrink, an eventfd that the home never reads or writes, and one end of a socket: the other end
 * is the home's alone, and what the client does with its own cannot make the home block.
 */
#ifndef MILLRACE_HOST_HOST_H
#define MILLRACE_HOST_HOST_H

#include <millrace/host.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "../engine/session.h"

/* Something in the epoll set. */
struct millrace_source {
	void (*ready)(struct millrace_source *source, __u32 events);
	int fd;
};

/* Memory that is shared with a client: a mapped memfd. */
struct millrace_area {
	void *data;
	size_t size;
	int memfd; /* -1: given away */
};

/* A client's connection, and its session. */
struct millrace_connection {
	struct millrace_session session;
	struct millrace_host *host;
	struct millrace_connection *next, **link;
	struct millrace_source socket;
	struct millrace_source kick;
	struct millrace_area client_area, driver_area;
	int wake[2]; /* a socket's ends: the client's, until it has been given away; the home's */
	int eventfd; /* of the client's, to signal as well; -1 */
	bool closing;
	__u64 id;
	pid_t pid;
	uid_t uid;
	char comm[16];
};

struct millrace_delays {
	struct millrace_delay **heap; /* [1 .. count], the earliest first */
	size_t count, room;
};

struct millrace_host {
	struct millrace_device device;
	struct millrace_source listener;
	struct millrace_source attention; /* stop, new connections of this process, drained sessions */
	int epoll;
	int incoming[2]; /* a pipe of descriptors from millrace_host_connect() */
	int lock_fd; /* held locked next to the socket: who has it serves it */
	int null_fd;  /* /dev/null: something that can always be read at once */
	unsigned long aio; /* see wake.c; under the lock */
	pthread_mutex_t aio_lock;
	int spare_fd; /* given up for a moment to turn a client away when there is no other */
	int log_fd;
	char *socket_path;
	mode_t socket_mode;
	gid_t socket_group;
	__u32 stop;
	struct millrace_connection *connections;
	__u32 connection_count, session_count; /* all; with a queue pair */
	__u32 closing_count; /* of all: on their way out; the others cost an event nothing */
	__u64 next_id;
	struct millrace_delays delays;
};

/* Waits for events up to @timeout ns (0: look only) and handles them. */
int millrace_host_events(struct millrace_host *h, __u64 timeout);
int millrace_source_add(struct millrace_host *h, struct millrace_source *source, __u32 events);
/*
 * Takes a source out of the set and closes it. Closing alone would not do: the client has the kick
 * eventfd too, and an epoll set keeps what anybody still has open.
 */
void millrace_source_remove(struct millrace_host *h, struct millrace_source *source);
void millrace_host_log(struct millrace_host *h, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Has the worker look at what other threads left for it. Any thread, signal handlers. */
void millrace_host_attention(struct millrace_host *h);

/* listen.c: the socket and who may connect. */
int millrace_listen(struct millrace_host *h, const char *path, unsigned int mode);
void millrace_unlisten(struct millrace_host *h);
bool millrace_peer_in_group(int socket, gid_t own, gid_t wanted);

/* connection.c */
void millrace_connection_accept(struct millrace_host *h, int socket);
void millrace_connection_close(struct millrace_connection *c);
/* Frees the closing connections whose last command has completed. */
void millrace_connections_reap(struct millrace_host *h);

/* request.c: answers one message. -errno when the connection cannot go on. */
int millrace_request_serve(struct millrace_connection *c);

/*
 * foreign.c: closes descriptors of clients' making. Returns at once: the last close of a file may take
 * as long as its maker likes (a connection that lingers, a file system of his own), and what waits in a
 * socket unread is closed with it. They must not be used any more.
 */
void millrace_foreign_close(const int *fd, unsigned int count);

/* wake.c */
void millrace_wake_init(struct millrace_host *h);
void millrace_wake_exit(struct millrace_host *h);
int millrace_wake_set_eventfd(struct millrace_connection *c, int eventfd);

/* area.c */
int millrace_area_create(struct millrace_area *area, const char *name, size_t size);
/* Maps what a client sent. -EINVAL: not a memfd sealed against shrinking, or too small. */
int millrace_area_adopt(struct millrace_area *area, int memfd, size_t size);
/* From now on nobody can get a writable mapping of it, or write to it. The home's stays. */
int millrace_area_seal_writes(struct millrace_area *area);
void millrace_area_destroy(struct millrace_area *area);

/* delay.c: makes sure that @more delays can be set; undone with a negative number. */
int millrace_delays_reserve(struct millrace_host *h, long more);
/* Calls the drivers whose time has come. */
void millrace_delays_expire(struct millrace_host *h, __u64 now);
/* When the next one comes, or MILLRACE_FOREVER. */
__u64 millrace_delays_next(const struct millrace_host *h);

static inline struct millrace_host *millrace_device_host(struct millrace_device *d)
{
	return container_of(d, struct millrace_host, device);
}

static inline struct millrace_connection *millrace_session_connection(struct millrace_session *s)
{
	return container_of(s, struct millrace_connection, session);
}

#endif
