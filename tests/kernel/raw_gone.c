// SPDX-License-Identifier: MIT
/* A device that goes while it is in use: needs the module millrace-gone. */
#include "raw.h"

#include <fcntl.h>

#define PARAMETERS "/sys/module/millrace_gone/parameters/"

static void set(const char *parameter, const char *value)
{
	int fd = open(parameter, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, value, 1), 1);
	close(fd);
}

static void set_present(const char *value)
{
	set(PARAMETERS "present", value);
}

static char closing(void)
{
	int fd = open(PARAMETERS "closing", O_RDONLY);
	char digit;

	assert_true(fd >= 0);
	assert_int_equal(read(fd, &digit, 1), 1);
	close(fd);
	return digit;
}

static void open_gone(struct client *c)
{
	client_open_path(c, "/dev/millrace/gone0");
	assert_int_equal(client_setup(c, 8, 8, 0), 0);
	client_map(c);
}

static void *wait_thread(void *arg)
{
	return (void *)client_enter(arg, WAIT, 4, MILLRACE_FOREVER);
}

static void expect_gone(struct client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	struct millrace_buffer_request r = { .size = 4096 };
	struct millrace_info info;

	assert_int_equal(c->d->error.value, MILLRACE_ERROR_GONE);
	assert_int_equal(call(c->fd, MILLRACE_IOC_INFO, &info), -ENODEV);
	assert_int_equal(call(c->fd, MILLRACE_IOC_BUFFER_CREATE, &r), -ENODEV);
	assert_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED, c->fd, c->setup.driver_offset) ==
		    MAP_FAILED);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true((p.revents & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
}

static void sessions_end_and_memory_stays(void **state)
{
	struct client c, bare;
	pthread_t thread;
	void *ret;
	int i;

	(void)state;
	set_present("1");
	open_gone(&c);
	client_open_path(&bare, "/dev/millrace/gone0");
	for (i = 0; i < 3; i++)
		client_submit(&c, 0, i, 0, 0);
	client_enter(&c, KICK, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_thread, &c), 0);
	usleep(50000);
	set_present("0");
	pthread_join(thread, &ret);
	assert_true((long)ret == -ENODEV || (long)ret >= 0);
	expect_gone(&c);
	for (i = 0; i < 3; i++) {
		struct millrace_cqe cqe;

		assert_true(client_take(&c, &cqe, NULL));
		assert_int_equal(cqe.status, -ECANCELED);
	}
	client_submit(&c, 0, 0, 0, 0);
	assert_int_equal(client_enter(&c, KICK, 0, 0), -ENODEV);
	assert_int_equal(client_enter(&c, KICK | WAIT, 1, MILLRACE_FOREVER), -ENODEV);
	assert_int_equal(client_setup(&bare, 8, 8, 0), -ENODEV);
	assert_int_equal(open("/dev/millrace/gone0", O_RDWR), -1);
	client_close(&bare);
	client_close(&c);
}

/* It comes back while sessions of its former life are open, and goes again under load. */
static void many_lives(void **state)
{
	struct client old[50], c;
	int i, k;

	(void)state;
	for (i = 0; i < 50; i++) {
		set_present("1");
		open_gone(&old[i]);
		open_gone(&c);
		for (k = 0; k < 8; k++) {
			client_submit(&old[i], 0, k, 0, 0);
			client_submit(&c, 0, k, 0, 0);
		}
		client_enter(&old[i], KICK, 0, 0);
		client_enter(&c, KICK, 0, 0);
		if (i % 2)
			client_close(&c);
		set_present("0");
		client_enter(&old[i], KICK, 0, 0);
		if (!(i % 2)) {
			client_enter(&c, KICK, 0, 0);
			client_close(&c);
		}
	}
	for (i = 0; i < 50; i++)
		client_close(&old[i]);
}

static void *close_thread(void *arg)
{
	client_close(arg);
	return NULL;
}

/* The module warns when its remove() is called with the session's close() still under way. */
static void goes_while_somebody_closes(void **state)
{
	pthread_t thread;
	struct client c;

	(void)state;
	set_present("1");
	open_gone(&c);
	set(PARAMETERS "slow", "1");
	assert_int_equal(pthread_create(&thread, NULL, close_thread, &c), 0);
	while (closing() == '0')
		usleep(1000);
	set_present("0");
	pthread_join(thread, NULL);
	set(PARAMETERS "slow", "0");
}

int run_gone_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_end_and_memory_stays),
		cmocka_unit_test(many_lives),
		cmocka_unit_test(goes_while_somebody_closes),
	};

	if (access("/sys/module/millrace_gone", F_OK)) {
		print_message("# skip gone: the module millrace-gone is not there\n");
		return 0;
	}
	return cmocka_run_group_tests_name("gone", tests, NULL, NULL);
}
