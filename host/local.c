// SPDX-License-Identifier: MIT
/*
 * The local home: a host in a thread of the application, one for each driver that it opens. It goes on
 * until the process ends; without clients it sleeps.
 */
#include "host.h"

#include <signal.h>

struct local {
	struct local *next;
	const struct millrace_driver *driver;
	struct millrace_host *host;
	pid_t pid; /* a child after fork() has the memory, not the thread */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct local *locals; /* under the lock */

static void *serve(void *host)
{
	millrace_host_run(host);
	return NULL;
}

/* The application's signals are for its own threads. */
static int start_thread(struct millrace_host *host)
{
	sigset_t all, old;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&thread, NULL, serve, host);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		pthread_detach(thread);
	return err;
}

static int start(const struct millrace_driver *driver, struct local **started)
{
	struct millrace_host_params params = { .log_fd = -1 };
	struct local *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->driver = driver;
	l->pid = getpid();
	err = millrace_host_create(driver, &params, &l->host);
	if (err)
		goto undo_alloc;
	err = start_thread(l->host);
	if (err)
		goto undo_host;
	l->next = locals;
	locals = l;
	*started = l;
	return 0;
undo_host:
	millrace_host_destroy(l->host);
undo_alloc:
	free(l);
	return err;
}

static int find(const struct millrace_driver *driver, struct local **found)
{
	struct local *l;

	for (l = locals; l; l = l->next) {
		if (l->driver != driver || l->pid != getpid())
			continue;
		*found = l;
		return 0;
	}
	return start(driver, found);
}

int millrace_host_local(const char *plugin)
{
	const struct millrace_driver *driver;
	struct local *l;
	int err;

	err = millrace_host_load(plugin, &driver);
	if (err)
		return err;
	pthread_mutex_lock(&lock);
	err = find(driver, &l);
	pthread_mutex_unlock(&lock);
	return err ? err : millrace_host_connect(l->host);
}
