// SPDX-License-Identifier: MIT
/* Kicks and waits. */
#include "raw.h"

#include <linux/io_uring.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static void before_setup_it_is_refused(void **state)
{
	struct client c;
	struct pollfd p;
	struct millrace_eventfd e = { .fd = -1 };

	(void)state;
	client_open(&c);
	assert_int_equal(client_enter(&c, KICK, 0, 0), -EINVAL);
	assert_int_equal(call(c.fd, MILLRACE_IOC_EVENTFD, &e), -EINVAL);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLERR);
	client_close(&c);
}

static void bad_arguments_are_refused(void **state)
{
	struct millrace_enter e = { .flags = KICK, .reserved = 1 };
	struct client c;

	(void)state;
	client_start(&c, 8, 4, 0);
	assert_int_equal(client_enter(&c, 0, 1, 0), -EINVAL);
	assert_int_equal(client_enter(&c, 4, 1, 0), -EINVAL);
	assert_int_equal(client_enter(&c, KICK | WAIT | 8, 1, 0), -EINVAL);
	assert_int_equal(client_enter(&c, WAIT, 0, 0), -EINVAL);
	assert_int_equal(client_enter(&c, WAIT, 5, 0), -EINVAL);
	assert_int_equal(call(c.fd, MILLRACE_IOC_ENTER, &e), -EINVAL);
	assert_int_equal(client_enter(&c, KICK, 0, 0), 0);
	client_close(&c);
}

static void run_batches(struct client *c, __u32 batch, int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		__u64 sum;
		__u32 k;

		for (k = 0; k < batch; k++)
			client_put(c, SAMPLE_ADD, k ? 0 : batch, k, i, k, 0, 0);
		client_publish(c);
		assert_int_equal(client_enter(c, KICK | WAIT, batch, MILLRACE_FOREVER), batch);
		for (k = 0; k < batch; k++) {
			client_expect(c, k, 0, &sum);
			assert_int_equal(sum, i + k);
		}
	}
}

static void idle_device_runs_in_the_caller(void **state)
{
	struct millrace_session_stats s;
	struct client c;

	(void)state;
	client_start(&c, 64, 64, 0);
	run_batches(&c, 1, 200);
	run_batches(&c, 16, 50);
	s = client_stats(&c);
	assert_int_equal(s.commands, 1000);
	assert_int_equal(s.groups, 250);
	assert_int_equal(s.inlined, 250);
	assert_int_equal(s.kicks, 250);
	assert_int_equal(s.wakeups, 0);
	client_close(&c);
}

static void the_worker_serves_a_kick(void **state)
{
	struct millrace_session_stats s;
	struct client c;
	int i;

	(void)state;
	client_start(&c, 8, 8, MILLRACE_POLL_NEVER);
	for (i = 0; i < 100; i++) {
		client_submit(&c, SAMPLE_NOP, i, 0, 0);
		assert_true(client_enter(&c, KICK, 0, 0) <= 1);
		assert_int_equal(client_enter(&c, WAIT, 1, now() + 5 * SECOND), 1);
		client_expect(&c, i, 0, NULL);
	}
	s = client_stats(&c);
	assert_int_equal(s.inlined, 0);
	assert_int_equal(s.commands, 100);
	client_close(&c);
}

static void a_polled_queue_needs_no_call(void **state)
{
	struct millrace_session_stats s;
	struct client c;
	int i, called = 0;

	(void)state;
	client_start(&c, 8, 8, 10000);
	for (i = 0; i < 500; i++) {
		__u32 before = c.tail;
		__u64 end = now() + 5 * SECOND;
		struct millrace_cqe cqe;

		client_submit(&c, SAMPLE_NOP, i, 0, 0);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (c.tail - __atomic_load_n(&c.d->sq_event.value, __ATOMIC_RELAXED) - 1 <
		    c.tail - before) {
			client_enter(&c, KICK, 0, 0);
			called++;
		}
		while (!client_take(&c, &cqe, NULL))
			assert_true(now() < end);
		assert_int_equal(cqe.user_data, i);
	}
	s = client_stats(&c);
	print_message("# 500 commands, %d calls, %llu kicks\n", called, (unsigned long long)s.kicks);
	assert_true(called < 250);
	client_close(&c);
}

static void waits_end_in_time(void **state)
{
	struct client c;
	__u64 start;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(client_enter(&c, WAIT, 1, 0), -ETIMEDOUT);
	assert_int_equal(client_enter(&c, WAIT, 1, 1), -ETIMEDOUT);
	start = now();
	assert_int_equal(client_enter(&c, WAIT, 1, start + 30 * MS), -ETIMEDOUT);
	assert_true(now() >= start + 30 * MS);
	client_submit(&c, SAMPLE_NOP, 1, 0, 0);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, 0), 1);
	assert_int_equal(client_enter(&c, WAIT, 2, 0), -ETIMEDOUT);
	client_close(&c);
}

/* fdatasync(): all that is published is done when it returns. */
static void sync_waits_for_all(void **state)
{
	struct client c;
	int i;

	(void)state;
	client_open(&c);
	assert_int_equal(fdatasync(c.fd), -1);
	assert_int_equal(errno, EINVAL);
	client_close(&c);
	client_start(&c, 16, 8, 0);
	assert_int_equal(fdatasync(c.fd), 0);
	client_submit(&c, SAMPLE_NOP, 0, 0, 0);
	assert_int_equal(fdatasync(c.fd), 0);
	client_expect(&c, 0, 0, NULL);
	assert_int_equal(client_stats(&c).inlined, 1);
	client_submit(&c, SAMPLE_DELAY, 1, 40 * MS, 0);
	client_submit(&c, SAMPLE_NOP, 2, 0, 0);
	assert_int_equal(fdatasync(c.fd), 0);
	client_expect(&c, 2, 0, NULL);
	client_expect(&c, 1, 0, NULL);
	for (i = 0; i < 9; i++)
		client_submit(&c, SAMPLE_NOP, i, 0, 0);
	assert_int_equal(fdatasync(c.fd), -1);
	assert_int_equal(errno, EAGAIN);
	for (i = 0; i < 8; i++)
		client_expect(&c, i, 0, NULL);
	assert_int_equal(fdatasync(c.fd), 0);
	client_expect(&c, 8, 0, NULL);
	c.c->sq_tail.value = c.tail + 17;
	assert_int_equal(fdatasync(c.fd), -1);
	assert_int_equal(errno, EPROTO);
	client_close(&c);
}

static void nothing(int signal)
{
	(void)signal;
}

static void a_signal_ends_a_wait(void **state)
{
	const struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	const struct itimerspec in = { .it_value = { .tv_nsec = 30 * MS } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct client c;
	timer_t timer;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &in, NULL), 0);
	assert_int_equal(client_enter(&c, WAIT, 1, MILLRACE_FOREVER), -EINTR);
	timer_delete(timer);
	client_close(&c);
}

/* Starts a timer whose end is task work for this thread: no signal, but it wakes like one. */
static int start_task_work(struct __kernel_timespec *in)
{
	struct io_uring_params p = { 0 };
	struct io_uring_sqe *sqe;
	char *ring;
	int fd = syscall(SYS_io_uring_setup, 1, &p);

	assert_true(fd >= 0);
	ring = mmap(NULL, p.sq_off.array + 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	assert_true((void *)ring != MAP_FAILED && (void *)sqe != MAP_FAILED);
	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (uintptr_t)in, .len = 1,
	};
	__atomic_store_n((__u32 *)(ring + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	assert_int_equal(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0), 1);
	return fd;
}

static void task_work_does_not_end_a_wait(void **state)
{
	struct __kernel_timespec in = { .tv_nsec = 30 * MS };
	struct client c;
	__u64 start;
	int ring;

	(void)state;
	client_start(&c, 8, 8, 0);
	ring = start_task_work(&in);
	start = now();
	assert_int_equal(client_enter(&c, WAIT, 1, start + 150 * MS), -ETIMEDOUT);
	assert_true(now() >= start + 150 * MS);
	close(ring);
	client_close(&c);
}

static void delays_complete_out_of_order(void **state)
{
	struct client c;
	__u64 took;

	(void)state;
	client_start(&c, 8, 8, 0);
	client_submit(&c, SAMPLE_DELAY, 1, 120 * MS, 0);
	client_submit(&c, SAMPLE_DELAY, 2, 40 * MS, 0);
	client_submit(&c, SAMPLE_NOP, 3, 0, 0);
	client_submit(&c, SAMPLE_DELAY, 4, 80 * MS, 0);
	assert_int_equal(client_enter(&c, KICK | WAIT, 4, now() + 5 * SECOND), 4);
	client_expect(&c, 3, 0, NULL);
	client_expect(&c, 2, 0, &took);
	assert_true(took >= 40 * MS);
	client_expect(&c, 4, 0, NULL);
	client_expect(&c, 1, 0, NULL);
	client_close(&c);
}

struct wait {
	struct client *c;
	__u32 min;
	long ret;
	__u64 took;
};

static void *wait_thread(void *arg)
{
	struct wait *w = arg;
	__u64 start = now();

	w->ret = client_enter(w->c, WAIT, w->min, start + 10 * SECOND);
	w->took = now() - start;
	return NULL;
}

/* Each waiter has a target of its own, and the client's cq_event says nothing of it. */
static void many_threads_wait(void **state)
{
	struct wait w[4];
	pthread_t thread[4];
	struct client c;
	int i;

	(void)state;
	client_start(&c, 8, 8, 0);
	for (i = 0; i < 4; i++) {
		w[i] = (struct wait){ .c = &c, .min = 4 - i };
		client_submit(&c, SAMPLE_DELAY, i, (100 + 60 * i) * MS, 0);
	}
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, wait_thread, &w[i]), 0);
	client_enter(&c, KICK, 0, 0);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		assert_true(w[i].ret >= w[i].min);
		assert_true(w[i].took < 5 * SECOND);
	}
	for (i = 0; i < 3; i++)
		assert_true(w[i].took > w[i + 1].took);
	client_close(&c);
}

static void poll_and_eventfd_are_woken(void **state)
{
	struct millrace_eventfd e = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct pollfd p[2];
	struct client c;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_EVENTFD, &e), 0);
	p[0] = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = e.fd, .events = POLLIN };
	assert_int_equal(poll(p, 2, 0), 0);
	__atomic_store_n(&c.c->cq_event.value, c.head, __ATOMIC_SEQ_CST);
	client_submit(&c, SAMPLE_DELAY, 1, 30 * MS, 0);
	client_enter(&c, KICK, 0, 0);
	assert_int_equal(poll(&p[0], 1, 5000), 1);
	assert_int_equal(p[0].revents, POLLIN);
	assert_int_equal(poll(&p[1], 1, 5000), 1);
	client_expect(&c, 1, 0, NULL);
	assert_int_equal(poll(&p[0], 1, 0), 0);
	e.fd = c.fd;
	assert_int_equal(call(c.fd, MILLRACE_IOC_EVENTFD, &e), -EINVAL);
	close(p[1].fd);
	client_close(&c);
}

static void spoil_tail(struct client *c)
{
	c->c->sq_tail.value = c->tail + 9;
}

static void spoil_group(struct client *c)
{
	client_put(c, SAMPLE_NOP, 0, 1, 0, 0, 0, 0);
	client_publish(c);
}

static void spoil_head(struct client *c)
{
	c->c->cq_head.value = c->head + 1;
}

/* Whoever breaks a ring's rules ends his own session, for good, and nobody else's. */
static void a_liar_is_ended(void (*spoil)(struct client *), __u32 error)
{
	struct client c, other;
	struct pollfd p;

	client_start(&c, 8, 8, 0);
	client_start(&other, 8, 8, 0);
	spoil(&c);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, now() + SECOND), -EPROTO);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, now() + SECOND), -EPROTO);
	assert_int_equal(c.d->error.value, error);
	p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true((p.revents & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
	client_submit(&other, SAMPLE_NOP, 1, 0, 0);
	assert_int_equal(client_enter(&other, KICK | WAIT, 1, now() + SECOND), 1);
	client_close(&other);
	client_close(&c);
}

static void liars_are_ended(void **state)
{
	(void)state;
	a_liar_is_ended(spoil_tail, MILLRACE_ERROR_SQ_TAIL);
	a_liar_is_ended(spoil_group, MILLRACE_ERROR_GROUP);
	a_liar_is_ended(spoil_head, MILLRACE_ERROR_CQ_HEAD);
}

int run_enter_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_setup_it_is_refused),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(idle_device_runs_in_the_caller),
		cmocka_unit_test(the_worker_serves_a_kick),
		cmocka_unit_test(a_polled_queue_needs_no_call),
		cmocka_unit_test(waits_end_in_time),
		cmocka_unit_test(sync_waits_for_all),
		cmocka_unit_test(a_signal_ends_a_wait),
		cmocka_unit_test(task_work_does_not_end_a_wait),
		cmocka_unit_test(delays_complete_out_of_order),
		cmocka_unit_test(many_threads_wait),
		cmocka_unit_test(poll_and_eventfd_are_woken),
		cmocka_unit_test(liars_are_ended),
	};

	return cmocka_run_group_tests_name("enter", tests, NULL, NULL);
}
