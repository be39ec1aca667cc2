// SPDX-License-Identifier: MIT
/* Closing what came from clients, without waiting for it. */
#include "host.h"

#include <limits.h>
#include <signal.h>
#include <sys/socket.h>

struct foreign {
	unsigned int count;
	int fd[];
};

static void *close_all(void *arg)
{
	struct foreign *f = arg;

	while (f->count)
		close(f->fd[--f->count]);
	free(f);
	return NULL;
}

/* A thread for each call: one that is stuck holds up no other. Signals are for those who asked. */
static int start_thread(struct foreign *f)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + (32 << 10));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, close_all, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

void millrace_foreign_close(const int *fd, unsigned int count)
{
	struct foreign *f = malloc(sizeof(*f) + count * sizeof(*fd));
	unsigned int i;

	if (f) {
		f->count = count;
		memcpy(f->fd, fd, count * sizeof(*fd));
		if (!start_thread(f))
			return;
		free(f);
	}
	/* They stay open: better a descriptor less than a host that stands still. */
	for (i = 0; i < count; i++)
		shutdown(fd[i], SHUT_RDWR);
}
