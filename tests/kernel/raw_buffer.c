// SPDX-License-Identifier: MIT
/* Buffers that the home makes and buffers that it pins. */
#include "raw.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SIZE (64u << 10)

static long create(struct client *c, struct millrace_buffer_request *r, __u64 size)
{
	*r = (struct millrace_buffer_request){ .size = size };
	return call(c->fd, MILLRACE_IOC_BUFFER_CREATE, r);
}

static long register_own(struct client *c, struct millrace_buffer_request *r, void *p, __u64 size)
{
	*r = (struct millrace_buffer_request){ .size = size, .address = (uintptr_t)p };
	return call(c->fd, MILLRACE_IOC_BUFFER_REGISTER, r);
}

static long free_handle(struct client *c, __u32 handle)
{
	struct millrace_buffer_request r = { .handle = handle };

	return call(c->fd, MILLRACE_IOC_BUFFER_FREE, &r);
}

static void fill(unsigned char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = i * 7 + (i >> 9);
}

/* One command on a buffer: its status, and its output. */
static int run(struct client *c, __u16 opcode, __u32 handle, __u64 offset, __u64 size, __u64 arg,
	       __u64 *output)
{
	struct millrace_cqe cqe;

	client_put(c, opcode, 1, 0, handle, offset, size, arg);
	client_publish(c);
	assert_int_equal(client_enter(c, KICK | WAIT, 1, now() + 20 * SECOND), 1);
	assert_true(client_take(c, &cqe, output));
	return cqe.status;
}

static void made_by_the_home(void **state)
{
	struct millrace_buffer_request r;
	unsigned char *p;
	struct client c;
	__u64 out;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(create(&c, &r, SIZE - 5), 0);
	assert_int_equal(r.size, SIZE);
	p = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, r.offset);
	assert_true(p != MAP_FAILED);
	assert_int_equal(p[0] | p[SIZE - 1], 0);
	fill(p, SIZE);
	assert_int_equal(run(&c, SAMPLE_CRC32C, r.handle, 3, SIZE - 3, 0, &out), 0);
	assert_int_equal(out, crc32c(p + 3, SIZE - 3));
	assert_int_equal(run(&c, SAMPLE_FILL, r.handle, 4096, 4096, 0x5a, &out), 0);
	assert_int_equal(p[4096], 0x5a);
	assert_int_equal(p[8191], 0x5a);
	assert_int_equal(run(&c, SAMPLE_FILL, r.handle, SIZE, 1, 0, &out), -ERANGE);
	assert_int_equal(run(&c, SAMPLE_FILL, r.handle, 1, ~0ull, 0, &out), -ERANGE);
	assert_int_equal(free_handle(&c, r.handle), 0);
	assert_int_equal(free_handle(&c, r.handle), -ENOENT);
	assert_int_equal(run(&c, SAMPLE_FILL, r.handle, 0, 1, 0, &out), -ENOENT);
	p[1] = 1; /* what is mapped stays */
	client_close(&c);
	p[SIZE - 1] = 1;
	munmap(p, SIZE);
}

static void the_clients_own(void **state)
{
	struct millrace_buffer_request r;
	struct client c;
	unsigned char *p;
	__u64 out;

	(void)state;
	client_start(&c, 8, 8, 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill(p, SIZE);
	assert_int_equal(register_own(&c, &r, p, SIZE), 0);
	assert_int_equal(status_kb("VmLck:"), SIZE / 1024);
	assert_int_equal(run(&c, SAMPLE_CRC32C, r.handle, 0, SIZE, 0, &out), 0);
	assert_int_equal(out, crc32c(p, SIZE));
	assert_int_equal(run(&c, SAMPLE_FILL, r.handle, 0, SIZE, 9, &out), 0);
	assert_int_equal(p[SIZE / 2], 9);
	assert_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED, c.fd, (off_t)r.handle << 32) ==
		    MAP_FAILED);
	assert_int_equal(free_handle(&c, r.handle), 0);
	assert_int_equal(status_kb("VmLck:"), 0);
	assert_int_equal(register_own(&c, &r, p, SIZE), 0);
	client_close(&c);
	assert_int_equal(status_kb("VmLck:"), 0);
	munmap(p, SIZE);
}

static void bad_memory_is_refused(void **state)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct millrace_buffer_request r;
	struct client c;
	char *p;
	int fd;

	(void)state;
	client_start(&c, 8, 8, 0);
	p = mmap(NULL, SIZE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(register_own(&c, &r, p + 8, 4096), -EINVAL);
	assert_int_equal(register_own(&c, &r, p, 4095), -EINVAL);
	assert_int_equal(register_own(&c, &r, p, 0), -EINVAL);
	assert_int_equal(register_own(&c, &r, p, 1ull << 60), -EINVAL);
	munmap(p, SIZE);
	assert_int_equal(register_own(&c, &r, p, SIZE), -EFAULT);
	p = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(register_own(&c, &r, p, SIZE), -EFAULT);
	munmap(p, SIZE);
	p = mmap(NULL, SIZE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(register_own(&c, &r, p, SIZE), -EOPNOTSUPP);
	munmap(p, SIZE);
	fd = open("/tmp/raw-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	p = mmap(NULL, SIZE, rw, MAP_SHARED, fd, 0);
	assert_int_not_equal(register_own(&c, &r, p, SIZE), 0);
	munmap(p, SIZE);
	close(fd);
	assert_int_equal(status_kb("VmLck:"), 0);
	client_close(&c);
}

static void bad_requests_are_refused(void **state)
{
	struct millrace_buffer_request r = { .size = 4096, .flags = 1 };
	struct client c;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_BUFFER_CREATE, &r), -EINVAL);
	r = (struct millrace_buffer_request){ .size = 4096, .reserved = 1 };
	assert_int_equal(call(c.fd, MILLRACE_IOC_BUFFER_CREATE, &r), -EINVAL);
	r = (struct millrace_buffer_request){ .size = 4096, .handle = 1 };
	assert_int_equal(call(c.fd, MILLRACE_IOC_BUFFER_CREATE, &r), -EINVAL);
	assert_int_equal(create(&c, &r, 0), -EINVAL);
	assert_int_equal(create(&c, &r, 1ull << 62), -EINVAL);
	assert_int_equal(free_handle(&c, 0), -ENOENT);
	assert_int_equal(free_handle(&c, ~0u), -ENOENT);
	client_close(&c);
}

static void handles_run_out(void **state)
{
	struct millrace_buffer_request r;
	struct millrace_info info;
	struct client c;
	__u32 i;

	(void)state;
	client_start(&c, 8, 8, 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &info), 0);
	for (i = 0; i < info.max_buffers; i++)
		assert_int_equal(create(&c, &r, 1), 0);
	assert_int_equal(create(&c, &r, 1), -ENOSPC);
	assert_int_equal(client_stats(&c).buffers, info.max_buffers);
	assert_int_equal(free_handle(&c, 7), 0);
	assert_int_equal(create(&c, &r, 1), 0);
	assert_int_equal(r.handle, 7);
	client_close(&c);
}

static void *free_whatever_comes(void *arg)
{
	struct client *c = arg;

	while (!__atomic_load_n(&c->tail, __ATOMIC_RELAXED))
		free_handle(c, 1);
	return NULL;
}

/* A handle is easily guessed, and may be freed before the call that makes it has returned. */
static void freed_while_it_is_made(void **state)
{
	struct millrace_buffer_request r;
	pthread_t thread;
	struct client c;
	int i;

	(void)state;
	client_open(&c);
	c.tail = 0; /* no queue pair: until it is set the other thread goes on */
	assert_int_equal(pthread_create(&thread, NULL, free_whatever_comes, &c), 0);
	for (i = 0; i < 5000; i++) {
		assert_int_equal(create(&c, &r, 4096), 0);
		assert_int_equal(r.offset, (__u64)r.handle << 32);
		free_handle(&c, r.handle);
	}
	__atomic_store_n(&c.tail, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	client_close(&c);
}

static int pin_without_privilege(void)
{
	const struct rlimit limit = { .rlim_cur = SIZE, .rlim_max = SIZE };
	struct millrace_buffer_request r;
	struct client c;
	char *p;

	client_start(&c, 8, 8, 0);
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(65534))
		return 2;
	p = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (register_own(&c, &r, p, 2 * SIZE) != -ENOMEM || status_kb("VmLck:"))
		return 3;
	if (register_own(&c, &r, p, SIZE))
		return 4;
	if (register_own(&c, &r, p + SIZE, 4096) != -ENOMEM)
		return 5;
	return 0;
}

static void memlock_is_respected(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		_exit(pin_without_privilege());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int run_buffer_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_by_the_home),
		cmocka_unit_test(the_clients_own),
		cmocka_unit_test(bad_memory_is_refused),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(handles_run_out),
		cmocka_unit_test(freed_while_it_is_made),
		cmocka_unit_test(memlock_is_respected),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
