// SPDX-License-Identifier: MIT
/*
 * The process home is killed under load: every client, whatever it is doing at that moment, gets
 * -ENODEV, once and for all, and a new host on the same socket serves those who open it again.
 *
 *	host-death MILLRACE-HOST
 */
#include "client.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define ROUNDS	20
#define CLIENTS 4

static const char *host_program;
static char name[128];

static pid_t start_host(void)
{
	pid_t pid = fork();
	struct millrace_client *c;

	if (!pid) {
		execl(host_program, host_program, "--quiet", "--socket", name + strlen("unix:"),
		      "sample", NULL);
		_exit(127);
	}
	while (millrace_client_open(name, &c)) {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		sched_yield();
	}
	millrace_client_close(c);
	return pid;
}

struct worker {
	unsigned int kind;
	__u32 working;
	int result;
	__u64 ended;
};

/* Commands back to back, spinning for each. */
static int work_spinning(struct millrace_client *c, struct worker *w)
{
	struct millrace_slots slots;
	int n;

	millrace_queue_set_spin(c, 10000);
	for (;;) {
		n = millrace_queue_reserve(c, 1, &slots);
		if (n)
			return n;
		millrace_sqe_prepare(millrace_sqe(&slots, 0), SAMPLE_NOP, 0);
		n = millrace_queue_submit_and_wait(c, 1, MILLRACE_FOREVER);
		if (n < 0)
			return n;
		millrace_queue_release(c, n);
		millrace_store(&w->working, 1);
	}
}

/* Asleep for something that takes a minute. */
static int work_sleeping(struct millrace_client *c, struct worker *w)
{
	int n;

	test_fill(c, SAMPLE_DELAY, 0)->param[0] = 59 * SECOND;
	millrace_queue_set_spin(c, MILLRACE_SPIN_NEVER);
	n = millrace_queue_submit(c);
	millrace_store(&w->working, 1);
	return n < 0 ? n : millrace_queue_wait(c, 1, MILLRACE_FOREVER);
}

/* The same in an event loop. */
static int work_polling(struct millrace_client *c, struct worker *w)
{
	struct pollfd fd = { .fd = millrace_queue_fd(c), .events = POLLIN };
	int n;

	test_fill(c, SAMPLE_DELAY, 0)->param[0] = 59 * SECOND;
	n = millrace_queue_submit(c);
	millrace_store(&w->working, 1);
	if (n < 0)
		return n;
	do {
		n = millrace_queue_arm(c);
		if (n)
			return n;
		poll(&fd, 1, 60000);
	} while (!(fd.revents & (POLLHUP | POLLERR)));
	return millrace_queue_wait(c, 1, MILLRACE_FOREVER);
}

/* A full ring of groups, sleeping for half of it. */
static int work_flooding(struct millrace_client *c, struct worker *w)
{
	struct millrace_slots slots;
	unsigned int i;
	int n;

	for (;;) {
		while (!(n = millrace_queue_reserve_group(c, 8, &slots)))
			for (i = 0; i < 8; i++)
				millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_NOP, i);
		if (n != -EAGAIN)
			return n;
		n = millrace_queue_submit_and_wait(c, 32, MILLRACE_FOREVER);
		if (n < 0)
			return n;
		millrace_queue_release(c, n);
		millrace_store(&w->working, 1);
	}
}

static void *work(void *arg)
{
	static int (*const kinds[])(struct millrace_client *, struct worker *) = {
		work_spinning, work_sleeping, work_polling, work_flooding
	};
	struct worker *w = arg;
	struct millrace_client *c = test_open(64);

	w->result = kinds[w->kind](c, w);
	w->ended = millrace_clock();
	/* It stays so, for every call. */
	if (w->result == -ENODEV && (millrace_queue_wait(c, 1, 0) != -ENODEV ||
				     millrace_queue_submit(c) != -ENODEV))
		w->result = -EUCLEAN;
	millrace_client_close(c);
	return NULL;
}

static void kill_once(__u64 *longest)
{
	struct worker w[CLIENTS] = { 0 };
	pthread_t thread[CLIENTS];
	pid_t host = start_host();
	__u64 killed;
	unsigned int i;

	for (i = 0; i < CLIENTS; i++) {
		w[i].kind = i;
		assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	}
	for (i = 0; i < CLIENTS; i++)
		while (!millrace_load(&w[i].working))
			sched_yield();
	killed = millrace_clock();
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(w[i].result, -ENODEV);
		if (w[i].ended - killed > *longest)
			*longest = w[i].ended - killed;
	}
}

static void test_killed(void **state)
{
	__u64 longest = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++)
		kill_once(&longest);
	print_message("# host killed %d times under %d clients; the last -ENODEV came after at most "
		      "%.1f ms\n", ROUNDS, CLIENTS, longest / 1e6);
}

/* A host that ends in good order says so; one that is asked to serve a served socket refuses. */
static void test_ended(void **state)
{
	struct millrace_client *c;
	pid_t host = start_host(), second;
	int status;

	(void)state;
	c = test_open(8);
	second = fork();
	if (!second) {
		close(STDERR_FILENO);
		execl(host_program, host_program, "--socket", name + strlen("unix:"), "sample",
		      NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	kill(host, SIGTERM);
	assert_int_equal(waitpid(host, &status, 0), host);
	assert_int_equal(status, 0);
	assert_int_equal(millrace_queue_wait(c, 1, MILLRACE_FOREVER), -ENODEV);
	assert_int_equal(c->driver->error.value, MILLRACE_ERROR_GONE);
	millrace_client_close(c);
	assert_int_equal(millrace_client_open(name, &c), -ENOENT);
}

/* A host that is stopped holds up nobody who opens it; it goes on where it was. */
static void test_stopped(void **state)
{
	struct millrace_client *c = NULL, *before;
	pid_t host = start_host();

	(void)state;
	before = test_open(8);
	kill(host, SIGSTOP);
	assert_int_equal(millrace_client_open(name, &c), -ETIMEDOUT);
	assert_null(c);
	kill(host, SIGCONT);
	assert_int_equal(RUN(before, SAMPLE_ADD, 1, 2).output, 3);
	assert_int_equal(millrace_client_open(name, &c), 0);
	millrace_client_close(c);
	millrace_client_close(before);
	kill(host, SIGTERM);
	waitpid(host, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_stopped),
	};
	char dir[] = "/tmp/millrace-death.XXXXXX";
	int failed;

	if (argc != 2 || !mkdtemp(dir))
		return 2;
	host_program = argv[1];
	snprintf(name, sizeof(name), "unix:%s/sample0.sock", dir);
	test_device = name;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("host death", tests, NULL, NULL);
	unlink(name + strlen("unix:"));
	rmdir(dir);
	return failed;
}
