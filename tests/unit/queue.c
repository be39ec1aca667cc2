/* SPDX-License-Identifier: MIT */
/*
 * The client's side, lib/queue.c, with the engine and the fake home at the other end: what a wait says
 * is what a peek gives, and the home is kicked when it has asked for it.
 */
#include "fake_home.h"

#include <pthread.h>
#include <sched.h>

#include "../../lib/client.h"

#define ENTRIES 16
static struct millrace_client *c;
static struct fake_session *f;
static unsigned int kicks;
/* Who runs the engine: its worker in a thread of its own, or the client's own calls. */
static bool threaded;

/* ---- The way to the home ---------------------------------------------------------------------- */

static int setup_queue(struct millrace_client *client, struct millrace_setup *setup)
{
	f = fake_open(setup->sq_entries, setup->cq_entries ?: setup->sq_entries, setup->poll_us);
	*setup = f->setup;
	client->client = f->client_area;
	client->driver = f->driver_area;
	return 0;
}

static int kick_home(struct millrace_client *client)
{
	(void)client;
	kicks++;
	fake_kick(f);
	if (!threaded)
		fake_run();
	return 0;
}

/* As long as there is something to wait for, it comes: one command a sleep, any of those out. */
static int sleep_once(struct millrace_client *client, __u32 min, __u64 deadline)
{
	(void)client, (void)min;
	if (threaded) {
		sched_yield();
		return 0;
	}
	if (!deadline || !fake_out_count)
		return -ETIMEDOUT;
	fake_complete(fake_random() % fake_out_count, 0);
	return 0;
}

static int kick_and_sleep(struct millrace_client *client, __u32 min, bool all, __u64 deadline)
{
	(void)all;
	kick_home(client);
	return sleep_once(client, min, deadline);
}

static const struct millrace_backend two_calls = {
	.setup = setup_queue,
	.kick = kick_home,
	.sleep = sleep_once,
};

static const struct millrace_backend one_call = {
	.setup = setup_queue,
	.kick = kick_home,
	.kick_and_sleep = kick_and_sleep,
	.sleep = sleep_once,
};

/* ---- A client --------------------------------------------------------------------------------- */

static void open_client(const struct millrace_backend *backend, __u32 poll_us, __u32 spin_us)
{
	const struct millrace_queue_params params = {
		.entries = ENTRIES, .poll_us = poll_us, .spin_us = spin_us };

	c = aligned_alloc(_Alignof(struct millrace_client), sizeof(*c));
	assert_non_null(c);
	memset(c, 0, sizeof(*c));
	c->backend = backend;
	pthread_mutex_init(&c->lock, NULL);
	millrace_device_info(&fake_device, &c->info);
	assert_int_equal(millrace_queue_setup(c, &params), 0);
	kicks = 0;
}

static void close_client(void)
{
	fake_close(f);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void fill(__u16 opcode, __u64 tag)
{
	struct millrace_slots slots;

	assert_int_equal(millrace_queue_reserve(c, 1, &slots), 0);
	millrace_sqe_prepare(millrace_sqe(&slots, 0), opcode, tag);
	millrace_sqe(&slots, 0)->param[0] = tag;
}

static void submit_later(unsigned int n)
{
	while (n--)
		fill(FAKE_LATER, n);
	millrace_queue_submit(c);
}

/* Completions that the home has published and the client has not released. */
static __u32 there(void)
{
	return c->driver->cq_tail.value - c->cq.head;
}

static void complete(unsigned int n)
{
	while (n--)
		fake_complete(0, 0);
}

/* ---- What a peek gives ------------------------------------------------------------------------ */

/* Peeks; there must be at least @least, and something if anything is there. How many. */
static int peek_at_least(int least)
{
	struct millrace_slots slots;
	int i, n = millrace_queue_peek(c, &slots);

	assert_true(n >= least && n <= (int)there());
	assert_int_equal(n > 0, there() > 0);
	for (i = 0; i < n; i++) {
		assert_int_equal(millrace_cqe(&slots, i)->status, 0);
		assert_int_equal(millrace_cqe(&slots, i)->output[0],
				 millrace_cqe(&slots, i)->user_data);
	}
	return n;
}

/* One wait of any kind, and what may follow it: completions that come, some that are released. */
static void wait_and_look(bool submits)
{
	__u32 min = 1 + fake_random() % ENTRIES;
	__u32 can_come = there() + fake_out_count + (submits ? c->sq.tail - c->sq.published : 0);
	/* For what cannot come it only looks. */
	__u64 deadline = can_come >= min && fake_random() % 4 ? MILLRACE_FOREVER : 0;
	int said = submits ? millrace_queue_submit_and_wait(c, min, deadline) :
			     millrace_queue_wait(c, min, deadline);
	int released;

	if (said < 0) {
		assert_int_equal(said, -ETIMEDOUT);
		assert_int_equal(deadline, 0);
		assert_true(there() < min);
		said = 0;
	} else {
		assert_in_range(said, min, there());
	}
	peek_at_least(said);
	complete(fake_random() % (fake_out_count + 1));
	released = fake_random() % (peek_at_least(said) + 1);
	millrace_queue_release(c, released);
	peek_at_least(said - released);
}

static void peek_gives_what_a_wait_has_said(void **state)
{
	static const __u32 spins[] = { MILLRACE_SPIN_NEVER, 1 };
	unsigned int way, round;

	(void)state;
	for (way = 0; way < 4; way++) {
		open_client(way % 2 ? &one_call : &two_calls, MILLRACE_POLL_NEVER, spins[way / 2]);
		for (round = 0; round < 3000; round++) {
			unsigned int n = fake_random() % (ENTRIES + 1);

			while (c->sq.tail - c->cq.head < n)
				fill(FAKE_LATER, round);
			if (fake_random() % 2)
				millrace_queue_submit(c);
			/* what is reserved stays so over a wait that does not submit */
			wait_and_look(fake_random() % 2);
		}
		assert_int_equal(f->session.count.stalls, 0);
		close_client();
	}
}

/* A peek is satisfied with what the last look saw; all the rest is seen once that is released. */
static void what_comes_later_is_seen_once_these_are_released(void **state)
{
	unsigned int later;

	(void)state;
	for (later = 0; later <= 8; later++) {
		open_client(&two_calls, MILLRACE_POLL_NEVER, MILLRACE_SPIN_NEVER);
		submit_later(3 + later);
		assert_int_equal(peek_at_least(0), 0);
		complete(3);
		assert_int_equal(millrace_queue_wait(c, 2, 0), 3);
		complete(later);
		peek_at_least(3);
		/* never more than was seen */
		millrace_queue_release(c, ~0U);
		assert_int_equal(there(), later);
		assert_int_equal(peek_at_least(later), later);
		assert_int_equal(millrace_queue_wait(c, later + 1, 0), -ETIMEDOUT);
		assert_int_equal(peek_at_least(later), later);
		close_client();
	}
}

/* -EPROTO comes for a tail that cannot be, but not before all that was there has been taken. */
static void impossible_tail_is_said_after_the_rest(void **state)
{
	struct millrace_slots slots;

	(void)state;
	open_client(&two_calls, MILLRACE_POLL_NEVER, 0);
	submit_later(5);
	complete(2);
	assert_int_equal(millrace_queue_wait(c, 1, 0), 2);
	f->session.driver->cq_tail.value = c->cq.head + 2 + ENTRIES + 1;
	assert_int_equal(millrace_queue_peek(c, &slots), 2);
	millrace_queue_release(c, 2);
	assert_int_equal(millrace_queue_peek(c, &slots), -EPROTO);
	assert_int_equal(millrace_queue_wait(c, 1, MILLRACE_FOREVER), -EPROTO);
	assert_int_equal(millrace_queue_submit(c), -EPROTO);
	f->session.driver->cq_tail.value = f->session.cq.published;
	close_client();
}

/* ---- When the home is kicked ------------------------------------------------------------------ */

static void home_is_kicked_when_it_asked(void **state)
{
	__u32 n, ahead;

	(void)state;
	open_client(&two_calls, MILLRACE_POLL_NEVER, 0);
	for (n = 1; n <= ENTRIES; n++)
		for (ahead = 0; ahead < 2 * ENTRIES; ahead++) {
			/* it asks for the command at this distance, some of which are done already */
			__u32 event = c->sq.tail + ahead - ENTRIES;
			unsigned int i, before = kicks;

			f->session.driver->sq_event.value = event;
			for (i = 0; i < n; i++)
				fill(FAKE_NOP, i);
			assert_int_equal(millrace_queue_submit(c), n);
			assert_int_equal(kicks - before, ahead - ENTRIES < n);
			assert_int_equal(millrace_queue_submit(c), 0);
			fake_kick(f);
			fake_run();
			assert_int_equal(millrace_queue_wait(c, n, 0), n);
			millrace_queue_release(c, n);
		}
	close_client();
}

/* ---- While the home works --------------------------------------------------------------------- */

static __u32 stop_home;

static void *work(void *arg)
{
	(void)arg;
	while (!millrace_load(&stop_home))
		if (!millrace_sched_run(&fake_device) && millrace_sched_settle(&fake_device))
			sched_yield();
	return NULL;
}

static void peek_holds_while_the_home_goes_on(void **state)
{
	enum { COMMANDS = 20000 };
	static const __u32 polls[] = { MILLRACE_POLL_NEVER, 100 };
	struct millrace_slots slots;
	unsigned int way;
	pthread_t thread;

	(void)state;
	threaded = true;
	for (way = 0; way < 4; way++) {
		__u64 sent = 0, taken = 0;

		open_client(way % 2 ? &one_call : &two_calls, polls[way / 2],
			    way ? 0 : MILLRACE_SPIN_NEVER);
		millrace_store(&stop_home, 0);
		assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
		while (taken < COMMANDS) {
			unsigned int n = 1 + fake_random() % ENTRIES;
			int min, said, i;

			while (sent < COMMANDS && sent - taken < n &&
			       !millrace_queue_reserve(c, 1, &slots))
				millrace_sqe_prepare(millrace_sqe(&slots, 0), FAKE_NOP, sent++);
			min = 1 + fake_random() % (sent - taken);
			said = millrace_queue_submit_and_wait(c, min, MILLRACE_FOREVER);
			assert_true(said >= min);
			i = millrace_queue_peek(c, &slots);
			assert_true(i >= said);
			n = 1 + fake_random() % i;
			while (i--)
				assert_int_equal(millrace_cqe(&slots, i)->user_data, taken + i);
			millrace_queue_release(c, n);
			taken += n;
		}
		millrace_store(&stop_home, 1);
		pthread_join(thread, NULL);
		assert_int_equal(sent, COMMANDS);
		close_client();
	}
	threaded = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(peek_gives_what_a_wait_has_said),
		fake_test(what_comes_later_is_seen_once_these_are_released),
		fake_test(impossible_tail_is_said_after_the_rest),
		fake_test(home_is_kicked_when_it_asked),
		fake_test(peek_holds_while_the_home_goes_on),
	};

	return fake_main("queue", tests, LENGTH(tests));
}
