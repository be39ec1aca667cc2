// SPDX-License-Identifier: MIT
/* Opening, asking, setting up, mapping. */
#include "raw.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/wait.h>

static void info_is_sane(void **state)
{
	struct client c;
	struct millrace_info i;

	(void)state;
	client_open(&c);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &i), 0);
	assert_int_equal(i.abi, MILLRACE_ABI);
	assert_int_equal(i.home, MILLRACE_HOME_KERNEL);
	assert_string_equal(i.name, "sample0");
	assert_string_equal(i.driver, "sample");
	assert_int_equal(i.sessions, 0);
	assert_int_equal(client_setup(&c, 8, 0, 0), 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &i), 0);
	assert_int_equal(i.sessions, 1);
	assert_int_equal(c.setup.cq_entries, 8);
	client_close(&c);
}

static void operations_are_listed(void **state)
{
	struct client c;
	struct millrace_info i;
	struct millrace_op_info op = { .index = 1 };

	(void)state;
	client_open(&c);
	assert_int_equal(call(c.fd, MILLRACE_IOC_INFO, &i), 0);
	assert_int_equal(call(c.fd, MILLRACE_IOC_OP, &op), 0);
	assert_string_equal(op.name, "add");
	assert_int_equal(op.params, 2);
	assert_int_equal(call(c.fd, MILLRACE_IOC_OP, &op), -EINVAL); /* outputs are not clear */
	op = (struct millrace_op_info){ .index = i.ops };
	assert_int_equal(call(c.fd, MILLRACE_IOC_OP, &op), -ENOENT);
	client_close(&c);
}

static void bad_requests_are_refused(void **state)
{
	static const unsigned long request[] = {
		MILLRACE_IOC_INFO, MILLRACE_IOC_OP, MILLRACE_IOC_STATS, MILLRACE_IOC_SETUP,
		MILLRACE_IOC_ENTER, MILLRACE_IOC_EVENTFD, MILLRACE_IOC_BUFFER_CREATE,
		MILLRACE_IOC_BUFFER_REGISTER, MILLRACE_IOC_BUFFER_FREE,
	};
	struct millrace_session_stats stats = { .reserved = 1 };
	struct client c;
	unsigned int i;

	(void)state;
	client_open(&c);
	assert_int_equal(call(c.fd, _IO(MILLRACE_IOC_MAGIC, 0x7f), NULL), -ENOTTY);
	for (i = 0; i < sizeof(request) / sizeof(request[0]); i++)
		assert_int_equal(call(c.fd, request[i], (void *)8), -EFAULT);
	assert_int_equal(call(c.fd, MILLRACE_IOC_STATS, &stats), -EINVAL);
	client_close(&c);
}

static void try_setup(struct client *c, size_t offset, __u32 value, int expected)
{
	struct millrace_setup s = { .abi = MILLRACE_ABI, .sq_entries = 8, .cq_entries = 8 };

	memcpy((char *)&s + offset, &value, sizeof(value));
	assert_int_equal(call(c->fd, MILLRACE_IOC_SETUP, &s), expected);
}

static void bad_setups_are_refused(void **state)
{
	struct client c;

	(void)state;
	client_open(&c);
	try_setup(&c, offsetof(struct millrace_setup, abi), MILLRACE_ABI + 1, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, flags), 1, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, reserved), 1, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, driver_offset), 1, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, sq_entries), 0, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, sq_entries), 3, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, cq_entries), 1u << 31, -EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, poll_us), ~0u - 1, -EINVAL);
	assert_true(mmap(NULL, 4096, PROT_READ, MAP_SHARED, c.fd, 0) == MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	try_setup(&c, offsetof(struct millrace_setup, poll_us), 0, 0);
	try_setup(&c, offsetof(struct millrace_setup, poll_us), 0, -EBUSY);
	client_close(&c);
}

static void *setup_thread(void *arg)
{
	struct client *c = arg;

	return (void *)client_setup(c, 8, 8, 0);
}

static void racing_setups_are_serialised(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		struct client a, b;
		pthread_t thread;
		void *other;
		long mine;

		client_open(&a);
		b = a;
		assert_int_equal(pthread_create(&thread, NULL, setup_thread, &b), 0);
		mine = client_setup(&a, 8, 8, 0);
		pthread_join(thread, &other);
		assert_int_equal(mine + (long)other, -EBUSY);
		client_close(&a);
	}
}

static int try_map(struct client *c, __u64 offset, size_t size, int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags, c->fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

static void mappings_are_exact(void **state)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct client c;
	__u64 client, driver;

	(void)state;
	client_start(&c, 256, 256, 0);
	client = c.setup.client_size;
	driver = c.setup.driver_size;
	assert_int_equal(try_map(&c, c.setup.client_offset, client + 4096, rw, MAP_SHARED), -EINVAL);
	assert_int_equal(try_map(&c, c.setup.driver_offset, driver + 4096, PROT_READ, MAP_SHARED),
			 -EINVAL);
	assert_int_equal(try_map(&c, c.setup.client_offset + 4096, 4096, rw, MAP_SHARED), -EINVAL);
	assert_int_equal(try_map(&c, c.setup.driver_offset + 4096, driver, PROT_READ, MAP_SHARED),
			 -EINVAL);
	assert_int_equal(try_map(&c, 5ull << 32, 4096, rw, MAP_SHARED), -EINVAL);
	assert_int_equal(try_map(&c, (1ull << 43) + 4096, 4096, rw, MAP_SHARED), -EINVAL);
	assert_int_equal(try_map(&c, c.setup.client_offset, client, rw, MAP_PRIVATE), -EINVAL);
	assert_int_equal(try_map(&c, c.setup.driver_offset, driver, PROT_READ, MAP_PRIVATE), -EINVAL);
	assert_int_equal(try_map(&c, c.setup.client_offset, client, rw, MAP_SHARED), 0);
	assert_int_equal(try_map(&c, c.setup.driver_offset, 4096, PROT_READ, MAP_SHARED), 0);
	client_close(&c);
}

static void driver_area_cannot_be_written(void **state)
{
	struct client c;
	__u32 before;
	int mem;

	(void)state;
	client_start(&c, 8, 8, 0);
	before = c.d->cq_tail.value;
	assert_int_equal(try_map(&c, c.setup.driver_offset, c.setup.driver_size,
				 PROT_READ | PROT_WRITE, MAP_SHARED), -EPERM);
	assert_int_equal(mprotect(c.d, c.setup.driver_size, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	mem = open("/proc/self/mem", O_RDWR);
	assert_true(mem >= 0);
	assert_int_equal(pwrite(mem, "xxxx", 4, (off_t)(uintptr_t)&c.d->cq_tail.value), -1);
	close(mem);
	assert_true(mremap(c.d, c.setup.driver_size, c.setup.driver_size + 4096, MREMAP_MAYMOVE) ==
		    MAP_FAILED);
	assert_int_equal(c.d->cq_tail.value, before);
	client_close(&c);
}

static void a_child_does_not_inherit_mappings(void **state)
{
	struct client c;
	int status;
	pid_t pid;

	(void)state;
	client_start(&c, 8, 8, 0);
	pid = fork();
	if (!pid) {
		int gone = msync(c.c, 4096, MS_ASYNC) && errno == ENOMEM &&
			   msync(c.d, 4096, MS_ASYNC) && errno == ENOMEM;

		_exit(!gone || try_map(&c, c.setup.driver_offset, 4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED) != -EPERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	client_close(&c);
}

static void nodes_are_not_for_everybody(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(2);
		_exit(open(DEVICE, O_RDWR) >= 0 || errno != EACCES);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int run_setup_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_is_sane),
		cmocka_unit_test(operations_are_listed),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(bad_setups_are_refused),
		cmocka_unit_test(racing_setups_are_serialised),
		cmocka_unit_test(mappings_are_exact),
		cmocka_unit_test(driver_area_cannot_be_written),
		cmocka_unit_test(a_child_does_not_inherit_mappings),
		cmocka_unit_test(nodes_are_not_for_everybody),
	};

	return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
