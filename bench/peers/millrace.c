// SPDX-License-Identifier: MIT
/* Millrace itself: this process is the client, millrace-host in another one the driver's home. */
#include <errno.h>
#include <millrace/millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../common/bench.h"
#include "nops.h"
#include "peers.h"

#define ENTRIES	  256
#define SPIN_US	  10000 /* longer than any wait here */
#define OPEN_TRIES 2000

struct home {
	char dir[32], socket[48], name[56];
	pid_t pid;
	struct millrace_client *client;
};

static int connect_home(struct home *h)
{
	int err = -ENOENT, i;

	for (i = 0; i < OPEN_TRIES && (err == -ENOENT || err == -ECONNREFUSED); i++) {
		err = millrace_client_open(h->name, &h->client);
		if (err)
			usleep(500);
	}
	return err;
}

static void home_close(struct home *h)
{
	millrace_client_close(h->client);
	bench_kill(h->pid);
	unlink(h->socket);
	snprintf(h->name, sizeof(h->name), "%s.lock", h->socket);
	unlink(h->name);
	rmdir(h->dir);
}

static int home_open(struct home *h, int cpu, const struct millrace_queue_params *params)
{
	const char *argv[] = { BENCH_HOST, "--quiet", "--socket", h->socket, BENCH_DRIVER, NULL };
	int err;

	*h = (struct home){ .dir = "/tmp/millrace-bench-XXXXXX" };
	if (!mkdtemp(h->dir))
		return -errno;
	snprintf(h->socket, sizeof(h->socket), "%s/s", h->dir);
	snprintf(h->name, sizeof(h->name), "unix:%s", h->socket);
	h->pid = bench_spawn(cpu, argv);
	err = h->pid < 0 ? h->pid : connect_home(h);
	if (!err)
		err = millrace_queue_setup(h->client, params);
	if (err)
		home_close(h);
	return err;
}

static double measure(unsigned int batch, int cpu, const struct millrace_queue_params *params)
{
	struct home h;
	int err = home_open(&h, cpu, params);
	double ns;

	if (err)
		return err;
	ns = nops_one_by_one(h.client, batch);
	home_close(&h);
	return ns;
}

static const struct millrace_queue_params spinning = {
	.entries = ENTRIES,
	.poll_us = SPIN_US,
	.spin_us = SPIN_US,
};

double millrace_spinning(unsigned int batch)
{
	return measure(batch, bench.far, &spinning);
}

double millrace_sleeping(unsigned int batch)
{
	const struct millrace_queue_params sleeping = {
		.entries = ENTRIES,
		.poll_us = MILLRACE_POLL_NEVER,
		.spin_us = MILLRACE_SPIN_NEVER,
	};

	return measure(batch, bench.near, &sleeping);
}

double millrace_pipelined(unsigned int batch)
{
	struct home h;
	int err = home_open(&h, bench.far, &spinning);
	double ns;

	if (err)
		return err;
	ns = nops_pipelined(h.client, batch, ENTRIES - batch);
	home_close(&h);
	return ns;
}
