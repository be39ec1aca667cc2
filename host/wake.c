// SPDX-License-Identifier: MIT
/*
 * Waking a client: a byte into its pipe, and a signal to its eventfd if it gave one.
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
#include <sys/mman.h>
#include <sys/syscall.h>

static struct {
	pthread_mutex_t lock;
	aio_context_t context;
	int file; /* something that can be read from at once */
	int err;
} aio = { .lock = PTHREAD_MUTEX_INITIALIZER, .file = -1 };

static void open_aio(void)
{
	if (aio.file >= 0 || aio.err)
		return;
	aio.file = memfd_create("millrace-aio", MFD_CLOEXEC);
	if (aio.file < 0 || syscall(SYS_io_setup, 64, &aio.context))
		aio.err = -errno;
}

static int signal_eventfd(int eventfd)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = eventfd,
	};
	struct iocb *cbs[] = { &cb };
	struct io_event events[64];
	char byte;
	int err;

	pthread_mutex_lock(&aio.lock);
	open_aio();
	err = aio.err;
	if (!err) {
		cb.aio_fildes = aio.file;
		cb.aio_buf = (uintptr_t)&byte;
		cb.aio_nbytes = sizeof(byte);
		syscall(SYS_io_getevents, aio.context, 0L, 64L, events, NULL);
		err = syscall(SYS_io_submit, aio.context, 1L, cbs) < 0 ? -errno : 0;
	}
	pthread_mutex_unlock(&aio.lock);
	return err;
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
	millrace_lock(&c->session.lock, flags);
	old = c->eventfd;
	c->eventfd = eventfd;
	millrace_unlock(&c->session.lock, flags);
	if (old >= 0)
		close(old);
	return 0;
}

void millrace_home_wake(struct millrace_session *s)
{
	struct millrace_connection *c = millrace_session_connection(s);

	if (write(c->wake[1], "", 1) < 0)
		errno = 0; /* full: it has been told already */
	if (c->eventfd >= 0)
		signal_eventfd(c->eventfd);
}

void millrace_home_drained(struct millrace_session *s)
{
	millrace_host_attention(millrace_session_connection(s)->host);
}
