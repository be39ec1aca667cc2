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
	unsigned int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		test_fill(c, i % 2 ? SAMPLE_DELAY : SAMPLE_NOP, i)->param[0] = 100000;
		millrace_queue_submit(c);
		take_by_poll(c, i);
	}
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

TESTS(wait, cmocka_unit_test(test_arguments), cmocka_unit_test(test_past_deadline),
      cmocka_unit_test(test_deadline_passes), cmocka_unit_test(test_spin_settings),
      cmocka_unit_test(test_signal), cmocka_unit_test(test_poll), cmocka_unit_test(test_epoll),
      cmocka_unit_test(test_eventfd), cmocka_unit_test(test_eventfd_full),
      cmocka_unit_test(test_two_threads));
