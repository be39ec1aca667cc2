// SPDX-License-Identifier: MIT
/* What a child has of its parent's session; descriptors closed under a thread; clients killed. */
#include "client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A child of fork() cannot write to the driver-owned area either, and the parent's session goes on. */
static void test_fork(void **state)
{
	struct millrace_client *c = test_open(8);
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		/* Not mapped there at all, or as read-only as here. */
		int ret = mprotect((void *)c->driver, test_page(), PROT_READ | PROT_WRITE);

		_exit(ret == -1 ? 0 : 1);
	}
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(c);
}

/* Sessions with a queue pair that the device has now. */
static unsigned int count_sessions(struct millrace_client *c)
{
	struct millrace_session_stats stats;
	unsigned int count = 0;
	__u64 id;

	for (id = 0; !millrace_client_stats(c, id, &stats); id = stats.id + 1)
		count++;
	return count;
}

static void work_until_killed(int ready)
{
	struct millrace_client *c = test_open(64);
	char *own = test_pages(16 * test_page());
	struct millrace_memory m, r;
	struct millrace_slots slots;
	unsigned int i;

	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		millrace_buffer_create(c, 10000, &m);
		millrace_buffer_register(c, own, 16 * test_page(), &r);
		while (!millrace_queue_reserve_group(c, 4, &slots))
			for (i = 0; i < 4; i++) {
				struct millrace_sqe *sqe = millrace_sqe(&slots, i);

				millrace_sqe_prepare(sqe, i ? SAMPLE_FILL : SAMPLE_DELAY, i);
				sqe->param[0] = i ? r.handle : SECOND;
				sqe->param[1] = 0;
				sqe->param[2] = r.size;
			}
		millrace_queue_submit_and_wait(c, 8, millrace_clock() + 1000000);
		millrace_queue_release(c, ~0U);
		millrace_buffer_free(c, &m);
		millrace_buffer_free(c, &r);
	}
}

/* Clients killed at any point leave nothing behind and disturb nobody. */
static void test_kill(void **state)
{
	const char *text = getenv("MILLRACE_TEST_KILLS");
	unsigned int i, kills = text ? atoi(text) : 100;
	struct millrace_client *c = test_open(8);
	unsigned int before = count_sessions(c);
	unsigned int seed = 1;

	(void)state;
	for (i = 0; i < kills; i++) {
		struct timespec nap = { .tv_nsec = rand_r(&seed) % 3000000 };
		int ready[2];
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (!pid)
			work_until_killed(ready[1]);
		close(ready[1]);
		/* Every other one is killed while it opens the device and sets up. */
		if (i % 2)
			assert_int_equal(read(ready[0], &byte, 1), 1);
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		assert_true(WIFSIGNALED(wait_for(pid)));
		close(ready[0]);
		assert_int_equal(RUN(c, SAMPLE_ADD, i, 1).output, i + 1);
	}
	/* The home notices a moment later. */
	while (count_sessions(c) != before)
		sched_yield();
	millrace_client_close(c);
}

struct waiting {
	struct millrace_client *client;
	__u32 about_to;
	int result;
};

static void *wait_long(void *arg)
{
	struct waiting *w = arg;

	millrace_store(&w->about_to, 1);
	w->result = millrace_queue_wait(w->client, 1, millrace_clock() + SECOND);
	return NULL;
}

/*
 * The descriptor is closed while another thread waits (and the number is used again at once, as the next
 * open() would): the wait ends, at its deadline if not before; every call after it is an error or finds
 * nothing, and none hangs; nobody else notices.
 */
static void test_closed_under_a_thread(void **state)
{
	struct millrace_client *honest = test_open(8);
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct waiting w = { .client = test_open(8) };
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		struct millrace_slots slots;
		struct millrace_memory m;
		pthread_t thread;

		millrace_queue_set_spin(w.client, i % 2 ? 0 : MILLRACE_SPIN_NEVER);
		test_fill(w.client, SAMPLE_DELAY, 1)->param[0] = 59 * SECOND;
		assert_int_equal(millrace_queue_submit(w.client), 1);
		assert_int_equal(pthread_create(&thread, NULL, wait_long, &w), 0);
		while (!millrace_load(&w.about_to))
			sched_yield();
		assert_int_equal(dup2(null, w.client->fd), w.client->fd);
		close(null);
		assert_int_equal(RUN(honest, SAMPLE_ADD, i, 1).output, i + 1);
		pthread_join(thread, NULL);
		/*
		 * A process home sees it at once and cancels the command, whose completion may still
		 * be seen. The kernel's goes with the last call that uses it: that ends in time, and a
		 * call that comes later finds no device there.
		 */
		assert_true(w.result == 1 || w.result == -ENODEV || w.result == -ETIMEDOUT ||
			    w.result == -ENOTTY);
		millrace_queue_release(w.client, 1);
		assert_true(millrace_buffer_create(w.client, 1, &m) < 0);
		if (!millrace_queue_reserve(w.client, 1, &slots))
			millrace_sqe_prepare(millrace_sqe(&slots, 0), SAMPLE_NOP, 2);
		assert_true(millrace_queue_submit_and_wait(w.client, 1, millrace_clock() + SECOND) <
			    0);
		millrace_client_close(w.client);
	}
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(honest);
}

TESTS(fork, cmocka_unit_test(test_fork), cmocka_unit_test(test_kill),
      cmocka_unit_test(test_closed_under_a_thread));
