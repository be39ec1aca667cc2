// SPDX-License-Identifier: MIT
/* Waiting: deadlines, signals, event loops, two threads. */
#include "client.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>

static void test_arguments(void **state)
{
	struct millrace_client *c = test_open(8);

	(void)state;
	assert_int_equal(millrace_queue_wait(c, 0, 0), -EINVAL);
	assert_int_equal(millrace_queue_wait(c, 9, 0), -EINVAL);
	assert_int_equal(millrace_queue_submit_and_wait(c, 0, 0), -EINVAL);
	assert_int_equal(millrace_queue_submit_and_wait(c, 9, 0), -EINVAL);
	millrace_client_close(c);
}

/* A deadline in the past looks once: nothing there is -ETIMEDOUT, something there is taken. */
static void test_past_deadline(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_slots slots;

	(void)state;
	assert_int_equal(millrace_queue_wait(c, 1, 0), -ETIMEDOUT);
	assert_int_equal(millrace_queue_wait(c, 1, millrace_clock() - SECOND), -ETIMEDOUT);
	assert_int_equal(millrace_queue_peek(c, &slots), 0);
	test_fill(c, SAMPLE_NOP, 1);
	millrace_queue_submit(c);
	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), 1);
	assert_int_equal(millrace_queue_wait(c, 1, 0), 1);
	assert_int_equal(millrace_queue_wait(c, 2, 0), -ETIMEDOUT);
	assert_int_equal(millrace_queue_peek(c, &slots), 1);
	millrace_client_close(c);
}

/* A deadline that passes while it sleeps; what came meanwhile stays there to be taken. */
static void test_deadline_passes(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_slots slots;
	__u64 deadline;

	(void)state;
	test_fill(c, SAMPLE_DELAY, 1)->param[0] = 59 * SECOND;
	test_fill(c, SAMPLE_NOP, 2);
	deadline = millrace_clock() + SECOND / 50;
	assert_int_equal(millrace_queue_submit_and_wait(c, 2, deadline), -ETIMEDOUT);
	assert_true(millrace_clock() >= deadline);
	/* However slow the machine: the second command's completion comes. */
	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), 1);
	assert_int_equal(millrace_queue_peek(c, &slots), 1);
	assert_int_equal(millrace_cqe(&slots, 0)->user_data, 2);
	millrace_client_close(c);
}

static void test_spin_settings(void **state)
{
	const __u32 spins[] = { 0, MILLRACE_SPIN_NEVER, 1, 1000 };
	const __u32 polls[] = { MILLRACE_POLL_ADAPTIVE, MILLRACE_POLL_NEVER, 1, 10000 };
	unsigned int i, j, k;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++) {
			struct millrace_client *c =
				test_open_params(&(struct millrace_queue_params){
					.entries = 4, .spin_us = spins[i], .poll_us = polls[j] });

			for (k = 0; k < 50; k++)
				assert_int_equal(RUN(c, SAMPLE_ADD, k, 1).output, k + 1);
			millrace_client_close(c);
		}
	}
}

static void ignore(int signal)
{
	(void)signal;
}

static void test_signal(void **state)
{
	struct millrace_client *c = test_open(8);
	struct sigaction action = { .sa_handler = ignore }, old;
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };

	(void)state;
	millrace_queue_set_spin(c, MILLRACE_SPIN_NEVER);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &timer, NULL);
	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), -EINTR);
	assert_int_equal(millrace_queue_wait(c, 1, MILLRACE_FOREVER), -EINTR);
	timer = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &timer, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 1).output, 2);
	millrace_client_close(c);
}

/* The event loop's rule: arm, and only poll when that says that nothing is there. */
static void take_by_poll(struct millrace_client *c, __u64 user_data)
{
	struct pollfd fd = { .fd = millrace_queue_fd(c), .events = POLLIN };
	struct millrace_slots slots;
	int n;

	while (!(n = millrace_queue_arm(c)))
		assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_int_equal(n, 1);
	assert_int_equal(millrace_queue_peek(c, &slots), 1);
	assert_int_equal(millrace_cqe(&slots, 0)->user_data, user_data);
	millrace_queue_release(c, 1);
}

static void test_poll(void **state)
{
	struct millrace_client *c = test_open(8);
	struct pollfd fd = { .fd = millrace_queue_fd(c), .events = POLLIN };
	unsigned int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		test_fill(c, i % 2 ? SAMPLE_DELAY : SAMPLE_NOP, i)->param[0] = 100000;
		millrace_queue_submit(c);
		take_by_poll(c, i);
	}
	/* What it was woken for is taken: in a moment it is not readable any more. */
	for (i = 0; i < 1000; i++) {
		assert_int_equal(millrace_queue_arm(c), 0);
		if (!poll(&fd, 1, 0))
			break;
	}
	assert_int_not_equal(i, 1000);
	millrace_client_close(c);
}

/* One thread, several devices, one epoll set. */
static void test_epoll(void **state)
{
	struct millrace_client *c[4];
	struct millrace_slots slots;
	int epoll = epoll_create1(0), left = 400, i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		c[i] = test_open(128);
		assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, millrace_queue_fd(c[i]), &event),
				 0);
	}
	for (i = 0; i < 400; i++) {
		test_fill(c[i % 4], SAMPLE_DELAY, i)->param[0] = (i * 7919) % 1000000;
		millrace_queue_submit(c[i % 4]);
	}
	while (left) {
		struct epoll_event event;
		int ready = 0, n;

		for (i = 0; i < 4; i++) {
			n = millrace_queue_peek(c[i], &slots);
			millrace_queue_release(c[i], n);
			left -= n;
			ready += millrace_queue_arm(c[i]);
		}
		if (left && !ready)
			assert_int_equal(epoll_wait(epoll, &event, 1, 60000), 1);
	}
	for (i = 0; i < 4; i++)
		millrace_client_close(c[i]);
	close(epoll);
}

static void test_eventfd(void **state)
{
	struct millrace_client *c = test_open(8);
	int fd = eventfd(0, 0), pipes[2];
	eventfd_t count;
	unsigned int i;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(millrace_queue_set_eventfd(c, 1000000), -EBADF);
	assert_int_equal(millrace_queue_set_eventfd(c, pipes[0]), -EINVAL);
	assert_int_equal(millrace_queue_set_eventfd(c, -2), -EINVAL);
	assert_int_equal(millrace_queue_set_eventfd(c, fd), 0);
	for (i = 0; i < 100; i++) {
		assert_int_equal(millrace_queue_arm(c), 0);
		test_fill(c, SAMPLE_NOP, i);
		millrace_queue_submit(c);
		assert_int_equal(eventfd_read(fd, &count), 0);
		assert_true(count > 0);
		assert_int_equal(test_take(c).user_data, i);
	}
	assert_int_equal(millrace_queue_set_eventfd(c, -1), 0);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 1).output, 2);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	millrace_client_close(c);
}

/* An eventfd that its owner has filled to the brim holds up nobody. */
static void test_eventfd_full(void **state)
{
	struct millrace_client *c = test_open(8), *other = test_open(8);
	int fd = eventfd(0, 0);

	(void)state;
	assert_int_equal(eventfd_write(fd, ~0ULL - 1), 0);
	assert_int_equal(millrace_queue_set_eventfd(c, fd), 0);
	assert_int_equal(millrace_queue_arm(c), 0);
	test_fill(c, SAMPLE_NOP, 1);
	millrace_queue_submit(c);
	assert_int_equal(test_take(c).user_data, 1);
	assert_int_equal(RUN(other, SAMPLE_ADD, 1, 1).output, 2);
	millrace_client_close(other);
	millrace_client_close(c);
	close(fd);
}

#define MANY 50000

static void *submit_many(void *client)
{
	struct millrace_client *c = client;
	struct millrace_slots slots;
	__u64 i = 0;

	while (i < MANY) {
		if (millrace_queue_reserve(c, 1, &slots)) {
			sched_yield();
			continue;
		}
		millrace_sqe_prepare(millrace_sqe(&slots, 0), SAMPLE_NOP, i++);
		millrace_queue_submit(c);
	}
	return NULL;
}

/* The two sides of a queue pair may be two threads. */
static void test_two_threads(void **state)
{
	struct millrace_client *c = test_open(64);
	pthread_t thread;
	unsigned int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, submit_many, c), 0);
	for (i = 0; i < MANY; i++)
		assert_int_equal(test_take(c).user_data, i);
	pthread_join(thread, NULL);
	millrace_client_close(c);
}

#define SHARED 20000

/* One session of several threads; each field of the last three is its side's, under the lock. */
struct shared {
	struct millrace_client *client;
	pthread_mutex_t submitting, completing;
	__u64 sent;
	__u64 taken;
	unsigned int ways; /* to wait, in turn */
	__u32 over;
	__u32 failed;
};

static void check(struct shared *s, bool good)
{
	if (!good)
		millrace_store(&s->failed, 1);
}

/* With the submitting side's lock: @n commands reserved and written. False: no room. */
static bool fill_some(struct shared *s, unsigned int n)
{
	struct millrace_slots slots;
	unsigned int i;
	int err = n > 1 ? millrace_queue_reserve_group(s->client, n, &slots) :
			  millrace_queue_reserve(s->client, 1, &slots);

	check(s, !err || err == -EAGAIN);
	for (i = 0; !err && i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_NOP, s->sent + i);
	return !err;
}

/* With the completing side's lock: what is there, in the order of the submissions; at least @least. */
static void take_all(struct shared *s, int least)
{
	struct millrace_slots slots;
	int i, n = millrace_queue_peek(s->client, &slots);

	check(s, n >= least);
	for (i = 0; i < n; i++)
		check(s, millrace_cqe(&slots, i)->user_data == s->taken + i &&
				 !millrace_cqe(&slots, i)->status);
	millrace_queue_release(s->client, n);
	s->taken += n;
}

static void *submit_some(void *arg)
{
	struct shared *s = arg;
	bool more = true;
	unsigned int n;

	while (more && !millrace_load(&s->failed)) {
		bool done = false;

		pthread_mutex_lock(&s->submitting);
		more = s->sent < SHARED;
		n = 1 + s->sent % 7 % 4;
		n = n < SHARED - s->sent ? n : SHARED - s->sent;
		if (more && fill_some(s, n)) {
			if (s->sent % 16 == 0) {
				millrace_queue_abandon(s->client);
				fill_some(s, n);
			}
			check(s, millrace_queue_submit(s->client) == (int)n);
			s->sent += n;
			done = true;
		}
		pthread_mutex_unlock(&s->submitting);
		if (!done)
			sched_yield();
	}
	return NULL;
}

/* Waits for at least one completion. How many there are. */
static int wait_somehow(struct shared *s)
{
	struct pollfd fd = { .fd = millrace_queue_fd(s->client), .events = POLLIN };
	int n;

	if (s->ways++ % 2)
		return millrace_queue_wait(s->client, 1, test_deadline());
	while (!(n = millrace_queue_arm(s->client)))
		check(s, poll(&fd, 1, 60000) == 1);
	return n;
}

static void *take_some(void *arg)
{
	struct shared *s = arg;
	bool more = true;

	while (more && !millrace_load(&s->failed)) {
		pthread_mutex_lock(&s->completing);
		more = s->taken < SHARED;
		if (more) {
			int n = wait_somehow(s);

			check(s, n >= 1);
			take_all(s, n);
		}
		pthread_mutex_unlock(&s->completing);
	}
	return NULL;
}

/* The calls that submit and wait use both sides. */
static void *do_both(void *arg)
{
	struct shared *s = arg;
	bool more = true;

	while (more && !millrace_load(&s->failed)) {
		pthread_mutex_lock(&s->completing);
		pthread_mutex_lock(&s->submitting);
		more = s->sent < SHARED;
		if (more && fill_some(s, 1)) {
			int n;

			s->sent++;
			n = millrace_queue_submit_and_wait(s->client, 1, test_deadline());
			check(s, n >= 1);
			take_all(s, n);
		}
		pthread_mutex_unlock(&s->submitting);
		pthread_mutex_unlock(&s->completing);
		sched_yield();
	}
	return NULL;
}

/* What any thread may call at any time. */
static void *ask(void *arg)
{
	struct shared *s = arg;
	const struct millrace_info *info = millrace_client_info(s->client);
	struct millrace_session_stats stats;
	struct millrace_op_info op;
	struct millrace_memory m;
	unsigned int i = 0;

	while (!millrace_load(&s->over) && !millrace_load(&s->failed)) {
		check(s, !millrace_client_op(s->client, i++ % info->ops, &op) && op.name[0]);
		check(s, !millrace_client_stats(s->client, 0, &stats));
		check(s, !millrace_buffer_create(s->client, 1, &m));
		check(s, m.handle && !*(char *)m.data);
		check(s, !millrace_buffer_free(s->client, &m));
		sched_yield();
	}
	return NULL;
}

/* Each side belongs to one thread at a time, not always to the same one; the rest to all. */
static void test_several_threads(void **state)
{
	void *(*const role[])(void *) = { submit_some, submit_some, take_some, take_some, do_both,
					  ask, ask };
	struct shared s = { .client = test_open(64) };
	pthread_t thread[7];
	unsigned int i;

	(void)state;
	pthread_mutex_init(&s.submitting, NULL);
	pthread_mutex_init(&s.completing, NULL);
	for (i = 0; i < 7; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, role[i], &s), 0);
	for (i = 0; i < 7; i++) {
		if (i == 5)
			millrace_store(&s.over, 1);
		pthread_join(thread[i], NULL);
	}
	assert_false(s.failed);
	assert_int_equal(s.sent, SHARED);
	assert_int_equal(s.taken, SHARED);
	assert_int_equal(RUN(s.client, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(s.client);
}

TESTS(wait, cmocka_unit_test(test_arguments), cmocka_unit_test(test_past_deadline),
      cmocka_unit_test(test_deadline_passes), cmocka_unit_test(test_spin_settings),
      cmocka_unit_test(test_signal), cmocka_unit_test(test_poll), cmocka_unit_test(test_epoll),
      cmocka_unit_test(test_eventfd), cmocka_unit_test(test_eventfd_full),
      cmocka_unit_test(test_two_threads), cmocka_unit_test(test_several_threads));
