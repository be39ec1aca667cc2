// SPDX-License-Identifier: MIT
#include "host.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

/* While the worker is awake it looks at its epoll set this often: when some session may have to kick
 * to be seen; and when all are polled, for the rest (clients coming and going, requests). ns. */
#define LOOK_FOR_KICKS	  20000
#define LOOK_FOR_REQUESTS 1000000

/* Idle rounds between looks at the clock. */
#define ROUNDS_PER_LOOK 16

__u64 millrace_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

void millrace_yield(void)
{
	/* The process home's thread is scheduled like any other. */
}

void millrace_host_log(struct millrace_host *h, const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	if (h->log_fd < 0)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(h->log_fd, line, n) < 0)
		h->log_fd = -1;
}

void millrace_host_attention(struct millrace_host *h)
{
	int saved = errno;

	eventfd_write(h->attention.fd, 1);
	errno = saved;
}

int millrace_source_add(struct millrace_host *h, struct millrace_source *source, __u32 events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, source->fd, &event) ? -errno : 0;
}

void millrace_source_remove(struct millrace_host *h, struct millrace_source *source)
{
	if (source->fd < 0)
		return;
	epoll_ctl(h->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

static void attention_ready(struct millrace_source *source, __u32 events)
{
	struct millrace_host *h = container_of(source, struct millrace_host, attention);
	eventfd_t count;
	int fd;

	(void)events;
	eventfd_read(source->fd, &count);
	while (read(h->incoming[0], &fd, sizeof(fd)) == sizeof(fd))
		millrace_connection_accept(h, fd);
}

int millrace_host_events(struct millrace_host *h, __u64 timeout)
{
	struct timespec limit = { .tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000 };
	struct epoll_event events[64];
	int i, n;

	n = epoll_pwait2(h->epoll, events, 64, timeout == MILLRACE_FOREVER ? NULL : &limit, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < n; i++) {
		struct millrace_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
	if (n && h->closing_count)
		millrace_connections_reap(h);
	return 0;
}

/* Asleep: until an event, or the next delay's end. */
static int sleep_for_events(struct millrace_host *h)
{
	__u64 next = millrace_delays_next(h), now;
	int err;

	if (next == MILLRACE_FOREVER)
		return millrace_host_events(h, MILLRACE_FOREVER);
	now = millrace_now();
	err = millrace_host_events(h, next > now ? next - now : 0);
	millrace_delays_expire(h, millrace_now());
	return err;
}

/* Awake: every now and then. */
static int look_for_events(struct millrace_host *h, __u64 *last)
{
	__u64 now = millrace_now();
	bool all_polled = h->device.sched.hot_count == h->session_count;

	if (h->delays.count)
		millrace_delays_expire(h, now);
	if (now - *last < (all_polled ? LOOK_FOR_REQUESTS : LOOK_FOR_KICKS))
		return 0;
	*last = now;
	return millrace_host_events(h, 0);
}

/*
 * The worker's life: a turn for whoever is ready; when nobody is, a round of polling while sessions
 * are hot, and sleep when none is. A kick cannot be lost between the last look and the sleep: it stays
 * in the epoll set.
 */
int millrace_host_run(struct millrace_host *h)
{
	struct millrace_device *d = &h->device;
	unsigned int idle = 0;
	__u64 last = 0;
	int err = 0;

	while (!err && !millrace_load(&h->stop)) {
		if (millrace_sched_run(d)) {
			err = look_for_events(h, &last);
		} else if (millrace_sched_settle(d)) {
			err = sleep_for_events(h);
			last = millrace_now();
		} else {
			millrace_relax();
			if (++idle % ROUNDS_PER_LOOK == 0)
				err = look_for_events(h, &last);
		}
	}
	return err;
}

void millrace_host_stop(struct millrace_host *h)
{
	millrace_store(&h->stop, 1);
	millrace_host_attention(h);
}

static int open_descriptors(struct millrace_host *h)
{
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->attention.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (h->null_fd < 0 || h->epoll < 0 || h->attention.fd < 0 || h->spare_fd < 0)
		return -errno;
	if (pipe2(h->incoming, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	h->attention.ready = attention_ready;
	return millrace_source_add(h, &h->attention, EPOLLIN);
}

static void close_descriptors(struct millrace_host *h)
{
	int fds[] = { h->epoll,	   h->attention.fd, h->spare_fd,
		      h->null_fd, h->incoming[0],  h->incoming[1] };
	size_t i;
	int fd;

	while (h->incoming[0] >= 0 && read(h->incoming[0], &fd, sizeof(fd)) == sizeof(fd))
		close(fd);
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static struct millrace_host *alloc_host(const struct millrace_host_params *params)
{
	struct millrace_host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->epoll = h->attention.fd = h->listener.fd = h->spare_fd = h->null_fd = -1;
	h->incoming[0] = h->incoming[1] = h->lock_fd = -1;
	h->log_fd = params->log_fd;
	millrace_wake_init(h);
	return h;
}

static int start(struct millrace_host *h, const struct millrace_driver *driver,
		 const struct millrace_host_params *params)
{
	char name[MILLRACE_NAME_SIZE];
	int err;

	snprintf(name, sizeof(name), "%s0", driver->name);
	err = open_descriptors(h);
	if (err)
		return err;
	err = millrace_device_init(&h->device, driver, params->name ? params->name : name,
				   params->socket ? MILLRACE_HOME_PROCESS : MILLRACE_HOME_LOCAL);
	if (err)
		return err;
	err = params->socket ? millrace_listen(h, params->socket, params->mode) : 0;
	if (err) {
		millrace_unlisten(h);
		millrace_device_exit(&h->device);
	}
	return err;
}

int millrace_host_create(const struct millrace_driver *driver,
			 const struct millrace_host_params *params, struct millrace_host **host)
{
	struct millrace_host *h = alloc_host(params);
	int err;

	if (!h)
		return -ENOMEM;
	err = start(h, driver, params);
	if (err) {
		millrace_wake_exit(h);
		close_descriptors(h);
		free(h);
		return err;
	}
	*host = h;
	return 0;
}

int millrace_host_connect(struct millrace_host *h)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	if (write(h->incoming[1], &ends[0], sizeof(ends[0])) != sizeof(ends[0])) {
		close(ends[0]);
		close(ends[1]);
		return -EAGAIN;
	}
	millrace_host_attention(h);
	return ends[1];
}

void millrace_host_destroy(struct millrace_host *h)
{
	struct millrace_connection *c;

	if (!h)
		return;
	millrace_unlisten(h);
	for (c = h->connections; c; c = c->next) {
		millrace_session_end(&c->session, MILLRACE_ERROR_GONE);
		millrace_connection_close(c);
	}
	/* What drivers' threads still hold comes back soon: cancel() has been called. */
	for (millrace_connections_reap(h); h->connections; millrace_connections_reap(h))
		millrace_host_events(h, MILLRACE_FOREVER);
	millrace_device_exit(&h->device);
	millrace_wake_exit(h);
	close_descriptors(h);
	free(h->delays.heap);
	free(h);
}
