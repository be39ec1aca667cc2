// SPDX-License-Identifier: MIT
/* The ends of sessions, and what is left of them. */
#include "raw.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void close_cancels_what_is_out(void **state)
{
	struct client c;
	__u64 start;
	int i;

	(void)state;
	client_start(&c, 8, 8, 0);
	for (i = 0; i < 8; i++)
		client_submit(&c, SAMPLE_DELAY, i, 50 * SECOND, 0);
	client_enter(&c, KICK | WAIT, 1, 0);
	assert_int_equal(client_stats(&c).in_flight, 8);
	start = now();
	client_close(&c);
	assert_true(now() - start < 5 * SECOND);
	assert_int_equal(device_attr("sessions"), 0);
}

/* Timers that expire while their session is being closed. */
static void close_races_with_completions(void **state)
{
	struct client c;
	int round, i;

	(void)state;
	for (round = 0; round < 200; round++) {
		client_start(&c, 64, 64, round % 2 ? 0 : MILLRACE_POLL_NEVER);
		for (i = 0; i < 64; i++)
			client_submit(&c, SAMPLE_DELAY, i, 1000 + rand() % 400000, 0);
		client_enter(&c, KICK, 0, 0);
		if (round % 3)
			client_enter(&c, WAIT, 1 + rand() % 64, now() + 5 * SECOND);
		client_close(&c);
	}
	assert_int_equal(device_attr("sessions"), 0);
}

/* The slots of finished delays are used again while new ones run. */
static void delays_are_used_again(void **state)
{
	struct millrace_cqe cqe;
	struct client c;
	int sent = 0, done = 0;

	(void)state;
	client_start(&c, 16, 16, 0);
	while (done < 2000) {
		for (; sent < 2000 && sent - done < 16; sent++)
			client_submit(&c, SAMPLE_DELAY, sent, 1000 + rand() % 50000, 0);
		assert_true(client_enter(&c, KICK | WAIT, 1, now() + 5 * SECOND) >= 1);
		while (client_take(&c, &cqe, NULL)) {
			assert_int_equal(cqe.status, 0);
			done++;
		}
	}
	client_close(&c);
}

static void victim(void)
{
	struct millrace_buffer_request r = { .size = 65536 };
	struct client c;

	client_start(&c, 64, 64, rand() % 2 ? 0 : 1000);
	r.address = (uintptr_t)mmap(NULL, r.size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_BUFFER_REGISTER, &r), 0);
	for (;;) {
		struct millrace_cqe cqe;

		client_put(&c, SAMPLE_DELAY, 2, 0, 1000 + rand() % 100000, 0, 0, 0);
		client_put(&c, SAMPLE_CRC32C, 0, 0, r.handle, 0, r.size, 0);
		client_publish(&c);
		client_enter(&c, KICK | WAIT, 1 + rand() % 2, MILLRACE_FOREVER);
		while (client_take(&c, &cqe, NULL) || c.tail - c.head > 60)
			;
	}
}

static void killed_at_any_instruction(void **state)
{
	int i, status;

	(void)state;
	for (i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (!pid) {
			srand(i);
			victim();
		}
		usleep(rand() % 20000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	assert_int_equal(device_attr("sessions"), 0);
}

static void totals_include_the_dead(void **state)
{
	long before = device_attr("commands");
	struct client c;

	(void)state;
	client_start(&c, 8, 8, 0);
	client_submit(&c, SAMPLE_NOP, 0, 0, 0);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, MILLRACE_FOREVER), 1);
	assert_int_equal(device_attr("commands"), before + 1);
	assert_int_equal(device_attr("sessions"), 1);
	client_close(&c);
	assert_int_equal(device_attr("commands"), before + 1);
	assert_int_equal(device_attr("sessions"), 0);
	assert_int_equal(device_attr("abi"), MILLRACE_ABI);
}

static void sessions_are_counted(void **state)
{
	const struct rlimit limit = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct millrace_session_stats s = { 0 };
	struct millrace_info info;
	struct client c, *many;
	__u32 i;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &info), 0);
	s.id = client_stats(&c).id + 1;
	assert_int_equal(call(c.fd, MILLRACE_IOC_STATS, &s), -ENOENT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	many = calloc(info.max_sessions, sizeof(*many));
	for (i = 1; i < info.max_sessions; i++)
		client_open(&many[i]);
	assert_int_equal(open(DEVICE, O_RDWR), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &info), 0);
	assert_int_equal(info.sessions, 1);
	for (i = 1; i < info.max_sessions; i++)
		client_close(&many[i]);
	free(many);
	client_close(&c);
}

static void modules_in_use_stay(void **state)
{
	struct client c;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(syscall(SYS_delete_module, "millrace_sample", O_NONBLOCK), -1);
	assert_true(errno == EAGAIN || errno == EBUSY || errno == EWOULDBLOCK);
	assert_int_equal(syscall(SYS_delete_module, "millrace", O_NONBLOCK), -1);
	client_submit(&c, SAMPLE_NOP, 0, 0, 0);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, MILLRACE_FOREVER), 1);
	client_close(&c);
}

int run_life_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_cancels_what_is_out),
		cmocka_unit_test(close_races_with_completions),
		cmocka_unit_test(delays_are_used_again),
		cmocka_unit_test(killed_at_any_instruction),
		cmocka_unit_test(totals_include_the_dead),
		cmocka_unit_test(sessions_are_counted),
		cmocka_unit_test(modules_in_use_stay),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
