// SPDX-License-Identifier: MIT
/*
 * Waking a client: a byte into its socket, and a signal to its eventfd if it gave one.
 *
 * A pipe would not do: its lock is held by whoever reads it, also while the page to read into is being
 * fetched, and a client can have that take for ever (userfaultfd, a file system of its own).
 *
 * The eventfd is an open file of the client's, who could make a write to it block. So it is not
 * written: an asynchronous read of nothing, with the eventfd to be told of its completion, has the
 * kernel signal it without ever waiting (aio's IOCB_FLAG_RESFD).
 */
#include "host.h"

#include "../engine/home.h"

#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define AIO_EVENTS 64

/* A system without asynchronous reads has no eventfds of clients either, and works otherwise. */
void millrace_wake_init(struct millrace_host *h)
{
	pthread_mutex_init(&h->aio_lock, NULL);
	if (syscall(SYS_io_setup, AIO_EVENTS, &h->aio))
		h->aio = 0;
}

void millrace_wake_exit(struct millrace_host *h)
{
	if (h->aio)
		syscall(SYS_io_destroy, h->aio);
	pthread_mutex_destroy(&h->aio_lock);
}

static void signal_eventfd(struct millrace_host *h, int eventfd)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = eventfd,
	};
	struct iocb *cbs[] = { &cb };
	struct io_event events[AIO_EVENTS];
	char byte;

	cb.aio_fildes = h->null_fd;
	cb.aio_buf = (uintptr_t)&byte;
	cb.aio_nbytes = sizeof(byte);
	pthread_mutex_lock(&h->aio_lock);
	syscall(SYS_io_getevents, h->aio, 0L, (long)AIO_EVENTS, events, NULL);
	if (syscall(SYS_io_submit, h->aio, 1L, cbs) < 0)
		errno = 0; /* its owner has made it something else: nothing to signal */
	pthread_mutex_unlock(&h->aio_lock);
}

static bool is_eventfd(int fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, "anon_inode:[eventfd]");
}

int millrace_wake_set_eventfd(struct millrace_connection *c, int eventfd)
{
	unsigned long flags = 0;
	int old;

	if (eventfd >= 0 && !is_eventfd(eventfd))
		return -EINVAL;
	if (eventfd >= 0 && !c->host->aio)
		return -EOPNOTSUPP;
	millrace_lock(&c->session.lock, flags);
	old = c->eventfd;
	c->eventfd = eventfd;
	millrace_unlock(&c->session.lock, flags);
	if (old >= 0)
		millrace_foreign_close(&old, 1);
	return 0;
}

void millrace_home_wake(struct millrace_session *s)
{
	struct millrace_connection *c = millrace_session_connection(s);

	if (send(c->wake[1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0; /* full: it has been told already */
	if (c->eventfd >= 0)
		signal_eventfd(c->host, c->eventfd);
}

void millrace_home_drained(struct millrace_session *s)
{
	millrace_host_attention(millrace_session_connection(s)->host);
}
