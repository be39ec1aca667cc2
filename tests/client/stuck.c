// SPDX-License-Identifier: MIT
/*
 * A client of a process home that shares with it what the kernel may wait for. Others must not notice.
 *
 *	stuck-tests unix:SOCKET
 */
#include "client.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Somebody else comes, works and goes. */
static void others_do_not_notice(void)
{
	struct millrace_client *c = test_open(8);
	struct millrace_memory m;

	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	assert_int_equal(millrace_buffer_create(c, test_page(), &m), 0);
	millrace_client_close(c);
}

/* ---- A reader who does not come to an end -------------------------------------------------- */

/* A page that whoever touches it waits for, until it is given with release_page(). */
static void *page_to_wait_for(int *faults)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = test_pages(test_page());

	*faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*faults < 0)
		return NULL;
	assert_int_equal(ioctl(*faults, UFFDIO_API, &api), 0);
	range.range.start = (uintptr_t)page;
	range.range.len = test_page();
	assert_int_equal(ioctl(*faults, UFFDIO_REGISTER, &range), 0);
	return page;
}

static void release_page(int faults, void *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, test_page() } };

	assert_int_equal(ioctl(faults, UFFDIO_ZEROPAGE, &zero), 0);
}

struct reader {
	int fd;
	void *page;
};

static void *read_into_page(void *arg)
{
	struct reader *r = arg;

	return (void *)(read(r->fd, r->page, 1) == 1 ? NULL : "failed");
}

/* One command for whose completion the home has to wake its client. */
static void have_it_wake(struct millrace_client *c)
{
	test_fill(c, SAMPLE_NOP, 0);
	assert_int_equal(millrace_queue_arm(c), 0);
	assert_int_equal(millrace_queue_submit(c), 1);
}

static void reading_the_wake_up_for_ever(void **state)
{
	struct millrace_client *c = test_open(8);
	struct reader r = { .fd = millrace_queue_fd(c) };
	struct pollfd fault = { .events = POLLIN };
	pthread_t thread;
	void *failed;

	(void)state;
	r.page = page_to_wait_for(&fault.fd);
	if (!r.page) {
		print_message("# skip: no userfaultfd() here\n");
		millrace_client_close(c);
		skip();
	}
	millrace_queue_set_spin(c, 60000000); /* it must not read there itself */
	assert_int_equal(pthread_create(&thread, NULL, read_into_page, &r), 0);
	have_it_wake(c);
	assert_int_equal(poll(&fault, 1, 60000), 1); /* the reader has begun, and is stuck */
	test_take(c);
	have_it_wake(c);
	test_take(c);
	have_it_wake(c);
	others_do_not_notice();
	release_page(fault.fd, r.page);
	pthread_join(thread, &failed);
	assert_null(failed);
	close(fault.fd);
	munmap(r.page, test_page());
	millrace_client_close(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_the_wake_up_for_ever),
	};

	if (argc != 2) {
		fprintf(stderr, "Usage: %s unix:SOCKET\n", argv[0]);
		return 2;
	}
	test_device = argv[1];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
