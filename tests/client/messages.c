// SPDX-License-Identifier: MIT
/*
 * The process home's socket, without the library: what is handed over cannot be misused, and messages
 * that the library never sends are refused, or end that connection and no other.
 *
 *	messages-tests unix:PATH
 */
#include "client.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define RW (PROT_READ | PROT_WRITE)

/* What a connection was given at set-up: the two areas, the kick eventfd, the socket to wait at. */
enum { CLIENT_AREA, DRIVER_AREA, KICK, WAKE, FDS };

struct raw {
	int socket;
	struct millrace_setup setup;
	int fd[FDS];
};

static int raw_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, test_device + strlen("unix:"));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void raw_send(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), size);
}

/* How many descriptors came with the answer; its result is in the message. */
static size_t raw_receive(int socket, struct millrace_message *m, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	size_t size;

	assert_int_equal(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC), sizeof(*m));
	if (!CMSG_FIRSTHDR(&msg))
		return 0;
	size = CMSG_FIRSTHDR(&msg)->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), size);
	return size / sizeof(int);
}

/* A request that has to be answered; its result, and @m as it came back. */
static int raw_ask(int socket, struct millrace_message *m, const int *fds, size_t count)
{
	__u32 request = m->request;
	int got[FDS];
	size_t n;

	raw_send(socket, m, sizeof(*m), fds, count);
	n = raw_receive(socket, m, got);
	while (n)
		close(got[--n]);
	assert_int_equal(m->request, request);
	return m->result;
}

static struct raw raw_start(void)
{
	struct millrace_message m = { .request = MILLRACE_IOC_SETUP,
				      .argument.setup = { .abi = MILLRACE_ABI, .sq_entries = 8 } };
	struct raw r = { .socket = raw_connect() };

	raw_send(r.socket, &m, sizeof(m), NULL, 0);
	assert_int_equal(raw_receive(r.socket, &m, r.fd), FDS);
	assert_int_equal(m.result, 0);
	r.setup = m.argument.setup;
	return r;
}

static void raw_end(struct raw *r)
{
	unsigned int i;

	for (i = 0; i < FDS; i++)
		close(r->fd[i]);
	close(r->socket);
}

/* Who hung up, and that nobody else noticed. */
static void expect_hung_up(int socket)
{
	struct millrace_client *honest = test_open(8);
	char byte;
	ssize_t n = recv(socket, &byte, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	assert_int_equal(RUN(honest, SAMPLE_ADD, 20, 22).output, 42);
	millrace_client_close(honest);
	close(socket);
}

static int try_map(int fd, size_t size, int prot, int flags)
{
	void *at = mmap(NULL, size, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, size);
	return 0;
}

/* The driver-owned memfd itself: not by the descriptor, nor by another one of the same file. */
static void test_driver_area_is_sealed(void **state)
{
	struct raw r = raw_start();
	const int fd = r.fd[DRIVER_AREA];
	const size_t size = r.setup.driver_size;
	char path[64];
	int again;
	void *at;

	(void)state;
	assert_int_equal(try_map(fd, size, RW, MAP_SHARED), -EPERM);
	assert_int_equal(try_map(fd, size, PROT_WRITE, MAP_SHARED), -EPERM);
	assert_int_equal(try_map(fd, size, PROT_READ, MAP_SHARED), 0);
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(mprotect(at, size, RW), -1);
	assert_int_equal(errno, EACCES);
	munmap(at, size);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 2 * size), -1);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	if (again >= 0) {
		assert_int_equal(try_map(again, size, RW, MAP_SHARED), -EPERM);
		assert_int_equal(pwrite(again, "x", 1, 0), -1);
		close(again);
	}
	raw_end(&r);
}

/* The client-owned one cannot be taken from under the home's feet. */
static void test_client_area_stays(void **state)
{
	struct raw r = raw_start();
	const int fd = r.fd[CLIENT_AREA];

	(void)state;
	assert_int_equal(try_map(fd, r.setup.client_size, RW, MAP_SHARED), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 2 * r.setup.client_size), -1);
	assert_int_equal(errno, EPERM);
	raw_end(&r);
}

/* A child has the descriptors too, and no more rights than its parent. */
static void test_child_of_fork(void **state)
{
	struct raw r = raw_start();
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		_exit(try_map(r.fd[DRIVER_AREA], r.setup.driver_size, RW, MAP_SHARED) != -EPERM ||
		      pwrite(r.fd[DRIVER_AREA], "x", 1, 0) != -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	raw_end(&r);
}

/* Whatever a client does to what it was given, the home neither blocks nor dies. */
static void test_descriptors_misused(void **state)
{
	struct raw r = raw_start();
	struct millrace_client *honest = test_open(8);

	(void)state;
	fcntl(r.fd[KICK], F_SETFL, 0);
	fcntl(r.fd[WAKE], F_SETFL, 0);
	assert_int_equal(eventfd_write(r.fd[KICK], ~0ULL - 1), 0);
	assert_int_equal(send(r.fd[WAKE], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 1).output, 2);
	close(r.fd[WAKE]);
	r.fd[WAKE] = -1;
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 1).output, 2);
	raw_end(&r);
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 1).output, 2);
	millrace_client_close(honest);
}

/* It asks to be woken each time and never looks whether it was: more often than there is room for it. */
static void test_wakes_not_taken(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_session_stats stats, own = { 0 };
	unsigned int i;

	(void)state;
	millrace_queue_set_spin(c, 60 * 1000 * 1000);
	/* Where the client sees the completion first and arms anew, the home finds no wish to be woken. */
	while (own.wakeups < 66000) {
		for (i = 0; i < 10000; i++) {
			assert_int_equal(millrace_queue_arm(c), 0);
			test_fill(c, SAMPLE_NOP, i);
			assert_int_equal(millrace_queue_submit(c), 1);
			assert_int_equal(test_take(c).user_data, i);
		}
		own.id = 0;
		while (!millrace_client_stats(c, own.id + 1, &stats))
			own = stats; /* the last is ours */
	}
	assert_int_equal(own.waits, 0);
	millrace_client_close(c);
}

static void test_requests_refused(void **state)
{
	const struct millrace_buffer_request bad_create[] = {
		{ .size = 4096, .flags = 1 },	{ .size = 4096, .handle = 1 },
		{ .size = 4096, .address = 1 }, { .size = 4096, .offset = 1 },
		{ .size = 4096, .reserved = 1 },
	};
	const struct millrace_buffer_request bad_free[] = {
		{ .handle = 1, .flags = 1 },   { .handle = 1, .size = 1 },
		{ .handle = 1, .address = 1 }, { .handle = 1, .offset = 1 },
		{ .handle = 1, .reserved = 1 },
	};
	struct raw r = raw_start();
	struct millrace_message m;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		m = (struct millrace_message){ .request = MILLRACE_IOC_BUFFER_CREATE,
					       .argument.buffer = bad_create[i] };
		assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EINVAL);
		m = (struct millrace_message){ .request = MILLRACE_IOC_BUFFER_FREE,
					       .argument.buffer = bad_free[i] };
		assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EINVAL);
	}
	/* An answer is no request; ENTER is the kernel home's; a second set-up. */
	m = (struct millrace_message){ .request = MILLRACE_IOC_INFO, .result = 1 };
	assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EINVAL);
	m = (struct millrace_message){ .request = MILLRACE_IOC_ENTER };
	assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -ENOTTY);
	m = (struct millrace_message){ .request = MILLRACE_IOC_SETUP,
				       .argument.setup = { .abi = MILLRACE_ABI, .sq_entries = 8 } };
	assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EBUSY);
	m = (struct millrace_message){ .request = MILLRACE_IOC_EVENTFD,
				       .argument.eventfd = { .fd = -1, .reserved = 1 } };
	assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EINVAL);
	m = (struct millrace_message){ .request = MILLRACE_IOC_EVENTFD, .argument.eventfd.fd = 0 };
	assert_int_equal(raw_ask(r.socket, &m, NULL, 0), -EINVAL); /* none came with it */
	raw_end(&r);
}

static int try_register(int socket, __u64 size, const int *fds, size_t count)
{
	struct millrace_message m = { .request = MILLRACE_IOC_BUFFER_REGISTER,
				      .argument.buffer = { .size = size } };

	return raw_ask(socket, &m, fds, count);
}

/* Memory to register has to be a memfd that cannot shrink under the home. */
static void test_memory_refused(void **state)
{
	const size_t page = test_page();
	struct raw r = raw_start();
	int memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int null = open("/dev/null", O_RDWR), file, read_only;
	char path[64];

	(void)state;
	assert_int_equal(try_register(r.socket, page, NULL, 0), -EINVAL);
	assert_int_equal(try_register(r.socket, page, &null, 1), -EINVAL);
	assert_int_equal(ftruncate(memfd, page), 0);
	assert_int_equal(try_register(r.socket, page, &memfd, 1), -EINVAL);
	assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(try_register(r.socket, 2 * page, &memfd, 1), -EINVAL);
	assert_int_equal(try_register(r.socket, page - 1, &memfd, 1), -EINVAL);
	assert_int_equal(try_register(r.socket, 0, &memfd, 1), -EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	read_only = open(path, O_RDONLY);
	assert_true(read_only >= 0);
	assert_true(try_register(r.socket, page, &read_only, 1) < 0);
	file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (file >= 0) {
		assert_int_equal(ftruncate(file, page), 0);
		assert_int_equal(try_register(r.socket, page, &file, 1), -EINVAL);
		close(file);
	}
	assert_int_equal(try_register(r.socket, page, &memfd, 1), 0);
	close(read_only);
	close(memfd);
	close(null);
	raw_end(&r);
}

/* More descriptors than any request has: with-host sees whether the home kept them. */
static void test_descriptors_nobody_asked_for(void **state)
{
	struct millrace_message m;
	struct raw r = raw_start();
	int fds[16], i;

	(void)state;
	for (i = 0; i < 16; i++)
		fds[i] = r.fd[KICK];
	for (i = 1; i <= 16; i++) {
		m = (struct millrace_message){ .request = MILLRACE_IOC_INFO };
		assert_int_equal(raw_ask(r.socket, &m, fds, i), 0);
		assert_string_equal(m.argument.info.name, "sample0");
	}
	raw_end(&r);
}

static void test_messages_of_another_size(void **state)
{
	char bytes[2 * sizeof(struct millrace_message)] = { 0 };
	const size_t size[] = { 1, 4, sizeof(struct millrace_message) - 1,
				sizeof(struct millrace_message) + 1, sizeof(bytes) };
	const __u32 request = MILLRACE_IOC_INFO;
	size_t i;

	(void)state;
	memcpy(bytes, &request, sizeof(request));
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		int socket = raw_connect(), fd = 0;

		raw_send(socket, bytes, size[i], &fd, 1);
		expect_hung_up(socket);
	}
}

/* A client that asks and asks and never takes an answer is not waited for. */
static void test_answers_not_taken(void **state)
{
	struct millrace_message m = { .request = MILLRACE_IOC_INFO };
	struct millrace_client *honest = test_open(8);
	int socket = raw_connect();
	unsigned int i;

	(void)state;
	for (i = 0; i < 100000; i++)
		if (send(socket, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
			break;
	assert_true(i < 100000);
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 2).output, 3);
	close(socket);
	millrace_client_close(honest);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver_area_is_sealed),
		cmocka_unit_test(test_client_area_stays),
		cmocka_unit_test(test_child_of_fork),
		cmocka_unit_test(test_descriptors_misused),
		cmocka_unit_test(test_wakes_not_taken),
		cmocka_unit_test(test_requests_refused),
		cmocka_unit_test(test_memory_refused),
		cmocka_unit_test(test_descriptors_nobody_asked_for),
		cmocka_unit_test(test_messages_of_another_size),
		cmocka_unit_test(test_answers_not_taken),
	};

	if (argc != 2 || strncmp(argv[1], "unix:", 5))
		return 2;
	test_device = argv[1];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
