// SPDX-License-Identifier: MIT
/*
 * A client of a process home that shares with it what the kernel may wait for: a pipe that somebody is
 * in the middle of reading, a connection that does not close. Others must not notice.
 *
 *	stuck-tests unix:SOCKET
 */
#include "client.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
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

static void skip_without(const void *page, struct millrace_client *c)
{
	if (page)
		return;
	print_message("# skip: no userfaultfd() here\n");
	millrace_client_close(c);
	skip();
}

/* Gives the page, and sees the thread that waited for it come to its end. */
static void release_page(int faults, void *page, pthread_t thread)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, test_page() } };
	void *failed;

	assert_int_equal(ioctl(faults, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(thread, &failed);
	assert_null(failed);
	close(faults);
	munmap(page, test_page());
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
	c->armed = false; /* or arm() would read there, and be stuck too */
	assert_int_equal(millrace_queue_arm(c), 0);
	assert_int_equal(millrace_queue_submit(c), 1);
}

static void *watch_into_page(void *arg)
{
	struct reader *r = arg;

	return (void *)(epoll_wait(r->fd, r->page, 1, 60000) >= 0 ? NULL : "failed");
}

/*
 * An epoll set is locked while its events are written out, and whoever closes the last descriptor of a
 * file in it waits for that lock. Here that would be the home, with the eventfd that it is kicked by.
 */
static void watching_the_kick_for_ever(void **state)
{
	struct millrace_client *c = test_open(8);
	struct reader r = { .fd = epoll_create1(0) };
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd fault = { .events = POLLIN };
	pthread_t thread;

	(void)state;
	r.page = page_to_wait_for(&fault.fd);
	skip_without(r.page, c);
	assert_int_equal(epoll_ctl(r.fd, EPOLL_CTL_ADD, c->kick_fd, &event), 0);
	assert_int_equal(eventfd_write(c->kick_fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, watch_into_page, &r), 0);
	assert_int_equal(poll(&fault, 1, 60000), 1);
	millrace_client_close(c);
	others_do_not_notice();
	others_do_not_notice();
	release_page(fault.fd, r.page, thread);
	close(r.fd);
}

static void reading_the_wake_up_for_ever(void **state)
{
	struct millrace_client *c = test_open(8);
	struct reader r = { .fd = millrace_queue_fd(c) };
	struct pollfd fault = { .events = POLLIN };
	pthread_t thread;

	(void)state;
	r.page = page_to_wait_for(&fault.fd);
	skip_without(r.page, c);
	millrace_queue_set_spin(c, 60000000); /* it must not read there itself */
	assert_int_equal(pthread_create(&thread, NULL, read_into_page, &r), 0);
	have_it_wake(c);
	assert_int_equal(poll(&fault, 1, 60000), 1); /* the reader has begun, and is stuck */
	test_take(c);
	have_it_wake(c);
	test_take(c);
	have_it_wake(c);
	others_do_not_notice();
	release_page(fault.fd, r.page, thread);
	millrace_client_close(c);
}

/* ---- Descriptors that do not close --------------------------------------------------------- */

/* A connection with unsent data whose last close() would wait an hour. The other end is @peer. */
static int connection_that_lingers(int *peer)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 3600 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char data[1 << 16];

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*peer >= 0);
	close(listener);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	return fd;
}

/* Sends @size bytes of a request with @count times @fd, and closes it. */
static void send_away(int socket, int fd, unsigned int count, size_t size)
{
	struct millrace_message m = { .request = MILLRACE_IOC_INFO };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = &m, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	struct cmsghdr *header;
	unsigned int i;

	msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (i = 0; i < count; i++)
		memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), size);
	close(fd);
}

static pid_t host_of(const struct millrace_client *c)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	assert_int_equal(getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	return peer.pid;
}

/* The host looks at the messages when nobody else has their connections any more. */
static void send_lingering(unsigned int count, size_t size, unsigned int messages)
{
	struct millrace_client *c = test_open(0);
	int fd, peer[4];
	pid_t host = host_of(c);
	unsigned int i;

	assert_int_equal(kill(host, SIGSTOP), 0);
	for (i = 0; i < messages; i++) {
		fd = connection_that_lingers(&peer[i]);
		send_away(c->fd, fd, count, size);
	}
	assert_int_equal(kill(host, SIGCONT), 0);
	others_do_not_notice();
	/* Reset, so that nothing lingers any more. */
	for (i = 0; i < messages; i++)
		close(peer[i]);
	millrace_client_close(c);
}

static void sending_what_does_not_close(void **state)
{
	(void)state;
	send_lingering(1, sizeof(struct millrace_message), 1);
}

static void sending_too_many(void **state)
{
	(void)state;
	send_lingering(8, sizeof(struct millrace_message), 1);
}

/* The first message is a mistake: the others are never looked at. */
static void leaving_it_unread(void **state)
{
	(void)state;
	send_lingering(2, 1, 3);
}

/* ---- Descriptors to run out of ------------------------------------------------------------- */

static unsigned int open_in(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A session's buffers, and there may be a thousand, cost the host no descriptor. */
static void many_buffers(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_op_info op;
	struct millrace_memory m;
	char *own = test_pages(64 * test_page());
	unsigned int i, before;

	(void)state;
	assert_int_equal(millrace_client_op(c, 0, &op), 0); /* the one before is over and done */
	before = open_in(host_of(c));
	for (i = 0; i < 64; i++) {
		assert_int_equal(millrace_buffer_create(c, 1, &m), 0);
		assert_int_equal(millrace_buffer_register(c, own + i * test_page(), test_page(), &m),
				 0);
	}
	assert_int_equal(RUN(c, SAMPLE_FILL, m.handle, 0, test_page(), 7).status, 0);
	assert_int_equal(own[64 * test_page() - 1], 7);
	assert_int_equal(millrace_client_op(c, 0, &op), 0);
	assert_true(open_in(host_of(c)) <= before);
	millrace_client_close(c);
	munmap(own, 64 * test_page());
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_the_wake_up_for_ever),
		cmocka_unit_test(watching_the_kick_for_ever),
		cmocka_unit_test(sending_what_does_not_close),
		cmocka_unit_test(sending_too_many),
		cmocka_unit_test(leaving_it_unread),
		cmocka_unit_test(many_buffers),
	};

	if (argc != 2) {
		fprintf(stderr, "Usage: %s unix:SOCKET\n", argv[0]);
		return 2;
	}
	test_device = argv[1];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
