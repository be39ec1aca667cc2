// SPDX-License-Identifier: MIT
/*
 * The library against a home that is not what it should be: another version, answers cut short, with
 * descriptors missing or sizes that cannot be, hanging up. Each is an errno, and leaks nothing.
 */
#include "client.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* A home in a thread: answers the request INFO well, unless it is what is to be spoilt. */
struct home {
	pthread_t thread;
	int socket;
	__u32 spoil; /* the request whose answer is spoilt; nothing after it is answered */
	void (*how)(struct home *home, struct millrace_message *m);
	char name[32];
};

static void answer(struct home *home, const struct millrace_message *m, size_t size, const int *fds,
		   size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)m, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	sendmsg(home->socket, &msg, MSG_NOSIGNAL);
}

static void describe(struct millrace_info *info)
{
	*info = (struct millrace_info){
		.abi = MILLRACE_ABI, .home = MILLRACE_HOME_PROCESS, .name = "sample0",
		.sqe_size = 64, .cqe_size = 32, .max_entries = 64, .max_group = 64,
		.max_buffers = 4, .max_buffer_size = 1 << 20,
	};
}

static void *serve(void *arg)
{
	struct home *home = arg;
	struct millrace_message m;

	while (recv(home->socket, &m, sizeof(m), 0) == sizeof(m)) {
		if (m.request == home->spoil) {
			home->how(home, &m);
			break;
		}
		describe(&m.argument.info);
		answer(home, &m, sizeof(m), NULL, 0);
	}
	close(home->socket);
	return NULL;
}

/* A home to be opened by its name. */
static void start(struct home *home, __u32 spoil, void (*how)(struct home *, struct millrace_message *))
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	*home = (struct home){ .socket = ends[0], .spoil = spoil, .how = how };
	snprintf(home->name, sizeof(home->name), "fd:%d", ends[1]);
	assert_int_equal(pthread_create(&home->thread, NULL, serve, home), 0);
}

static int open_spoilt(void (*how)(struct home *, struct millrace_message *))
{
	struct millrace_client *c = NULL;
	struct home home;
	int err;

	start(&home, MILLRACE_IOC_INFO, how);
	err = millrace_client_open(home.name, &c);
	assert_null(c);
	pthread_join(home.thread, NULL);
	return err;
}

static int setup_spoilt(void (*how)(struct home *, struct millrace_message *))
{
	struct millrace_slots slots;
	struct millrace_client *c;
	struct home home;
	int err;

	start(&home, MILLRACE_IOC_SETUP, how);
	assert_int_equal(millrace_client_open(home.name, &c), 0);
	err = millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 8 });
	pthread_join(home.thread, NULL);
	/* Whatever it was: that session is no more. */
	assert_true(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 8 }) < 0);
	assert_int_equal(millrace_queue_reserve(c, 1, &slots), -EINVAL);
	assert_int_equal(millrace_queue_peek(c, &slots), -EINVAL);
	assert_int_equal(millrace_queue_wait(c, 1, 0), -EINVAL);
	millrace_client_close(c);
	return err;
}

/* ---- How to be a bad home ---- */

static void another_version(struct home *home, struct millrace_message *m)
{
	describe(&m->argument.info);
	m->argument.info.abi = MILLRACE_ABI + 1;
	answer(home, m, sizeof(*m), NULL, 0);
}

static void entries_too_small(struct home *home, struct millrace_message *m)
{
	describe(&m->argument.info);
	m->argument.info.max_params = 7; /* 16 + 7 * 8 bytes are more than 64 */
	answer(home, m, sizeof(*m), NULL, 0);
}

static void completions_too_small(struct home *home, struct millrace_message *m)
{
	describe(&m->argument.info);
	m->argument.info.max_outputs = 3;
	answer(home, m, sizeof(*m), NULL, 0);
}

static void cut_short(struct home *home, struct millrace_message *m)
{
	int fds[] = { 0, 0 };

	answer(home, m, sizeof(*m) - 1, fds, 2);
}

static void hang_up(struct home *home, struct millrace_message *m)
{
	(void)home;
	(void)m;
}

static void refuse(struct home *home, struct millrace_message *m)
{
	m->result = -ETXTBSY;
	answer(home, m, sizeof(*m), NULL, 0);
}

static int memfd(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/* A set-up as it should be, for one thing to be wrong with. */
static void set_up(struct home *home, struct millrace_message *m, size_t count)
{
	struct millrace_setup *s = &m->argument.setup;
	int fds[5] = { memfd(4096), memfd(4096), memfd(1), memfd(1), memfd(1) };
	size_t i;

	if (!s->cq_entries)
		s->cq_entries = s->sq_entries;
	answer(home, m, sizeof(*m), fds, count);
	for (i = 0; i < 5; i++)
		close(fds[i]);
}

static struct millrace_setup *good(struct millrace_message *m)
{
	struct millrace_setup *s = &m->argument.setup;

	s->sqe_size = 64;
	s->cqe_size = 32;
	s->sqe_offset = sizeof(struct millrace_client_area);
	s->cqe_offset = sizeof(struct millrace_driver_area);
	s->client_size = s->driver_size = 4096;
	s->max_group = 8;
	return s;
}

static void too_few(struct home *home, struct millrace_message *m)
{
	good(m);
	set_up(home, m, 3);
}

static void none(struct home *home, struct millrace_message *m)
{
	good(m);
	set_up(home, m, 0);
}

static void ring_beyond_area(struct home *home, struct millrace_message *m)
{
	good(m)->sqe_offset = 4096 - 64;
	set_up(home, m, 4);
}

static void ring_in_header(struct home *home, struct millrace_message *m)
{
	good(m)->cqe_offset = 0;
	set_up(home, m, 4);
}

static void entries_too_many(struct home *home, struct millrace_message *m)
{
	good(m)->sq_entries = 1U << 31;
	set_up(home, m, 4);
}

static void entries_odd(struct home *home, struct millrace_message *m)
{
	good(m)->cq_entries = 7;
	set_up(home, m, 4);
}

static void sizes_changed(struct home *home, struct millrace_message *m)
{
	good(m)->cqe_size = 16;
	set_up(home, m, 4);
}

/* ---- The tests ---- */

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_bad_open(void **state)
{
	unsigned int before = open_fds();

	(void)state;
	assert_int_equal(open_spoilt(another_version), -EPROTONOSUPPORT);
	assert_int_equal(open_spoilt(entries_too_small), -EPROTO);
	assert_int_equal(open_spoilt(completions_too_small), -EPROTO);
	assert_int_equal(open_spoilt(cut_short), -EPROTO);
	assert_int_equal(open_spoilt(hang_up), -ENODEV);
	assert_int_equal(open_spoilt(refuse), -ETXTBSY);
	assert_int_equal(open_fds(), before);
}

static void test_bad_setup(void **state)
{
	unsigned int before = open_fds();

	(void)state;
	assert_int_equal(setup_spoilt(refuse), -ETXTBSY);
	assert_int_equal(setup_spoilt(cut_short), -EPROTO);
	assert_int_equal(setup_spoilt(hang_up), -ENODEV);
	assert_int_equal(setup_spoilt(none), -EPROTO);
	assert_int_equal(setup_spoilt(too_few), -EPROTO);
	assert_int_equal(setup_spoilt(ring_beyond_area), -EPROTO);
	assert_int_equal(setup_spoilt(ring_in_header), -EPROTO);
	assert_int_equal(setup_spoilt(entries_too_many), -EPROTO);
	assert_int_equal(setup_spoilt(entries_odd), -EPROTO);
	assert_int_equal(setup_spoilt(sizes_changed), -EPROTO);
	assert_int_equal(open_fds(), before);
}

/* Memory that could not be registered is the caller's alone again, as it was. */
static void test_bad_register(void **state)
{
	struct millrace_client *c;
	struct millrace_memory m;
	struct home home;
	char *own = test_pages(test_page());

	(void)state;
	strcpy(own, "content");
	start(&home, MILLRACE_IOC_BUFFER_REGISTER, refuse);
	assert_int_equal(millrace_client_open(home.name, &c), 0);
	assert_int_equal(millrace_buffer_register(c, own, test_page(), &m), -ETXTBSY);
	pthread_join(home.thread, NULL);
	assert_string_equal(own, "content");
	assert_int_equal(millrace_buffer_create(c, 1, &m), -ENODEV);
	assert_int_equal(millrace_buffer_register(c, own, test_page(), &m), -ENODEV);
	assert_string_equal(own, "content");
	millrace_client_close(c);
	munmap(own, test_page());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_open),
		cmocka_unit_test(test_bad_setup),
		cmocka_unit_test(test_bad_register),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bad home", tests, NULL, NULL);
}
