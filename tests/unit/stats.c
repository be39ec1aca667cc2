/* SPDX-License-Identifier: MIT */
/* Statistics: they count what happened, and hold no more than can be, whatever a client writes. */
#include <pthread.h>

#include "fake_home.h"

static struct millrace_session_stats stats_of(struct fake_session *f)
{
	struct millrace_session_stats stats = { 0 };

	millrace_session_stats(&f->session, &stats);
	return stats;
}

static void depths_follow_the_commands(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	struct millrace_session_stats s = stats_of(f);
	unsigned int i;

	(void)state;
	assert_int_equal(s.sq_depth | s.in_flight | s.cq_depth, 0);
	for (i = 0; i < 5; i++)
		fake_push(f, i < 2 ? FAKE_LATER : FAKE_NOP, 1, i);
	fake_submit(f);
	assert_int_equal(stats_of(f).sq_depth, 5);
	fake_run();
	s = stats_of(f);
	assert_int_equal(s.sq_depth, 0);
	assert_int_equal(s.in_flight, 2);
	assert_int_equal(s.cq_depth, 3);
	assert_int_equal(s.commands, 5);
	assert_int_equal(s.groups, 5);
	assert_int_equal(s.turns, 1);
	assert_int_equal(s.kicks, 1);
	fake_complete(0, -EIO);
	fake_take_all(f);
	s = stats_of(f);
	assert_int_equal(s.in_flight, 1);
	assert_int_equal(s.cq_depth, 0);
	assert_int_equal(s.errors, 1);
	fake_close(f);
}

static void lies_are_kept_within_the_ring(void **state)
{
	struct fake_session *f = fake_open(8, 4, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		struct millrace_session_stats s;

		f->session.client->sq_tail.value = fake_random();
		f->session.client->cq_head.value = fake_random();
		s = stats_of(f);
		assert_true(s.sq_depth <= 8);
		assert_true(s.cq_depth <= 4);
	}
	fake_close(f);
}

static void before_the_set_up(void **state)
{
	struct fake_session f = { 0 };
	struct millrace_session_stats s;

	(void)state;
	assert_int_equal(millrace_session_init(&f.session, &fake_device), 0);
	s = stats_of(&f);
	assert_int_equal(s.sq_depth | s.in_flight | s.cq_depth | s.commands, 0);
	millrace_session_exit(&f.session);
}

static bool stop;

static void *ask(void *arg)
{
	struct fake_session *f = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		struct millrace_session_stats s = stats_of(f);

		if (s.cq_depth > 16 || s.sq_depth > 16 || s.in_flight > 16)
			return f;
	}
	return NULL;
}

/* Another thread asks while commands run: nothing impossible is ever said (and TSAN has no objection). */
static void asked_while_commands_run(void **state)
{
	struct fake_session *f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	void *impossible;
	pthread_t thread;
	unsigned int i;

	(void)state;
	stop = false;
	pthread_create(&thread, NULL, ask, f);
	for (i = 0; i < 20000; i++) {
		fake_push_group(f, 1 + i % 4, i);
		fake_submit(f);
		fake_run();
		fake_take_all(f);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, &impossible);
	assert_null(impossible);
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(depths_follow_the_commands),
		fake_test(lies_are_kept_within_the_ring),
		fake_test(before_the_set_up),
		fake_test(asked_while_commands_run),
	};

	return fake_main("stats", tests, LENGTH(tests));
}
