// SPDX-License-Identifier: MIT
/*
 * Work for callgrind: NOP commands through the client library and the engine, both in one thread,
 * with a home that does nothing. Run by the script `instructions`, which counts what happens inside
 * client_side() and driver_side(): no spinning, no system call, no clock, so it repeats exactly.
 *
 * Usage: bench-instructions BATCH TIMES
 */
#include <stdio.h>
#include <stdlib.h>

#include "../drivers/sample/driver.h"
#include "../engine/home.h"
#include "../engine/session.h"
#include "../lib/client.h"

#define ENTRIES 256

static struct millrace_device device;
static struct millrace_session session;
static struct millrace_client client;

/* ---- The home ---- */

void millrace_home_wake(struct millrace_session *s)
{
	(void)s;
}

void millrace_home_drained(struct millrace_session *s)
{
	(void)s;
}

__u64 millrace_now(void)
{
	static __u64 now;

	return now += 100;
}

void millrace_yield(void)
{
}

void millrace_cmd_delay(struct millrace_cmd *cmd, __u64 ns)
{
	(void)cmd, (void)ns;
}

bool millrace_cmd_delay_stop(struct millrace_cmd *cmd)
{
	(void)cmd;
	return false;
}

/* ---- The client's way to it ---- */

static int fake_setup(struct millrace_client *c, struct millrace_setup *setup)
{
	int err = millrace_session_setup(&session, setup);

	if (err)
		return err;
	c->client = aligned_alloc(4096, setup->client_size);
	c->driver = aligned_alloc(4096, setup->driver_size);
	if (!c->client || !c->driver)
		return -ENOMEM;
	memset(c->client, 0, setup->client_size);
	memset((void *)c->driver, 0, setup->driver_size);
	return millrace_session_start(&session, setup, c->client, (void *)c->driver);
}

static int fake_kick(struct millrace_client *c)
{
	(void)c;
	millrace_sched_kick(&session);
	return 0;
}

static const struct millrace_backend fake = { .setup = fake_setup, .kick = fake_kick };

static int start(void)
{
	const struct millrace_queue_params params = { .entries = ENTRIES, .poll_us = 10000 };
	int err;

	err = millrace_device_init(&device, &sample_driver, "sample0", MILLRACE_HOME_LOCAL);
	if (!err)
		err = millrace_session_init(&session, &device);
	if (err)
		return err;
	client.backend = &fake;
	pthread_mutex_init(&client.lock, NULL);
	millrace_device_info(&device, &client.info);
	return millrace_queue_setup(&client, &params);
}

/* ---- What is counted ---- */

__attribute__((noinline)) void client_side(unsigned int batch);
__attribute__((noinline)) void driver_side(void);

/* Takes what completed, if anything, and submits a batch. */
void client_side(unsigned int batch)
{
	struct millrace_slots slots;
	unsigned int i;
	int n = millrace_queue_peek(&client, &slots);

	if (n > 0) {
		if (millrace_cqe(&slots, n - 1)->status)
			abort();
		millrace_queue_release(&client, n);
	}
	if (millrace_queue_reserve_group(&client, batch, &slots))
		abort();
	for (i = 0; i < batch; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), 0, i);
	if (millrace_queue_submit(&client) < 0)
		abort();
}

void driver_side(void)
{
	if (!millrace_sched_run(&device))
		abort();
}

int main(int argc, char **argv)
{
	unsigned int batch = argc > 2 ? atoi(argv[1]) : 0, times = argc > 2 ? atoi(argv[2]) : 0;

	if (!batch || batch > ENTRIES || start()) {
		fprintf(stderr, "Usage: %s BATCH TIMES\n", argv[0]);
		return 2;
	}
	while (times--) {
		client_side(batch);
		driver_side();
	}
	return session.count.errors ? 1 : 0;
}
