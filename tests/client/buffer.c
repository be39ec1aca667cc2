// SPDX-License-Identifier: MIT
/* Buffers: made by the home, the caller's own, and every way to misuse them. */
#include "client.h"

#include <fcntl.h>
#include <sys/mman.h>

static void test_operations(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_memory a, b;
	const __u64 size = 3 * test_page();
	__u64 i;

	(void)state;
	assert_int_equal(millrace_buffer_create(c, size - 100, &a), 0);
	assert_int_equal(a.size, size);
	assert_int_equal(millrace_buffer_create(c, size, &b), 0);
	for (i = 0; i < size; i++)
		assert_int_equal(((char *)a.data)[i], 0);
	memcpy(a.data, "123456789", 9);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, a.handle, 0, 9, 0).output, 0xe3069283);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, a.handle, 0, 0, 0).output, 0);
	assert_int_equal(RUN(c, SAMPLE_FILL, b.handle, 1, size - 1, 0x155).output, size - 1);
	assert_int_equal(((unsigned char *)b.data)[0], 0);
	assert_int_equal(((unsigned char *)b.data)[size - 1], 0x55);
	assert_int_equal(RUN(c, SAMPLE_COPY, b.handle, 5, a.handle, 0, 9).output, 9);
	assert_memory_equal((char *)b.data + 5, "123456789", 9);
	assert_int_equal(RUN(c, SAMPLE_COMPARE, b.handle, 5, a.handle, 0, 20).output, 9);
	assert_int_equal(RUN(c, SAMPLE_COMPARE, b.handle, 5, a.handle, 0, 9).output, 9);
	/* Overlapping, within one buffer. */
	assert_int_equal(RUN(c, SAMPLE_COPY, b.handle, 6, b.handle, 5, 9).output, 9);
	assert_memory_equal((char *)b.data + 6, "123456789", 9);
	assert_int_equal(millrace_buffer_free(c, &a), 0);
	assert_int_equal(millrace_buffer_free(c, &b), 0);
	assert_null(b.data);
	millrace_client_close(c);
}

static void number(char *data, __u64 size)
{
	__u64 i;

	for (i = 0; i < size; i++)
		data[i] = (char)(i * 7 + (i >> 8));
}

/* Longer than what the driver does at once, and overlapping, either way. */
static void test_long(void **state)
{
	struct millrace_client *c = test_open(8);
	const __u64 size = 300000, shift = 1000;
	char *expected = malloc(size);
	struct millrace_memory m;
	char *data, last;

	(void)state;
	assert_int_equal(millrace_buffer_create(c, size + shift + 1, &m), 0);
	data = m.data;
	number(expected, size);
	number(data, size);
	assert_int_equal(RUN(c, SAMPLE_COPY, m.handle, shift, m.handle, 0, size).output, size);
	assert_memory_equal(data + shift, expected, size);
	assert_int_equal(RUN(c, SAMPLE_COPY, m.handle, 1, m.handle, shift, size).output, size);
	assert_memory_equal(data + 1, expected, size);
	last = data[3 + size];
	memset(expected, 0x55, size);
	assert_int_equal(RUN(c, SAMPLE_FILL, m.handle, 3, size, 0x55).output, size);
	assert_memory_equal(data + 3, expected, size);
	assert_int_equal(data[2], 7);
	assert_int_equal(data[3 + size], last);
	free(expected);
	millrace_client_close(c);
}

static void test_bad_ranges(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_memory m;
	__u64 size;

	(void)state;
	assert_int_equal(millrace_buffer_create(c, test_page(), &m), 0);
	size = m.size;
	assert_int_equal(RUN(c, SAMPLE_CRC32C, 0, 0, 1, 0).status, -ENOENT);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle + 1, 0, 1, 0).status, -ENOENT);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, ~0ULL, 0, 1, 0).status, -ENOENT);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle | 1ULL << 32, 0, 1, 0).status, -ENOENT);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, size, 0, 0).status, 0);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, size, 1, 0).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, 1, size, 0).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, 0, size + 1, 0).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, 1, ~0ULL, 0).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, ~0ULL, 2, 0).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_COPY, m.handle, 0, m.handle, size, 1).status, -ERANGE);
	assert_int_equal(RUN(c, SAMPLE_COPY, m.handle, 0, m.handle + 1, 0, 1).status, -ENOENT);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, 0, size, 0).status, 0);
	assert_int_equal(millrace_buffer_free(c, &m), 0);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, 1, 0, 1, 0).status, -ENOENT);
	millrace_client_close(c);
}

static void test_create_limits(void **state)
{
	struct millrace_client *c = test_open(8);
	const struct millrace_info *info = millrace_client_info(c);
	struct millrace_memory m, *all = calloc(info->max_buffers, sizeof(*all));
	__u32 i;

	(void)state;
	assert_int_equal(millrace_buffer_create(c, 0, &m), -EINVAL);
	assert_int_equal(millrace_buffer_create(c, info->max_buffer_size + 1, &m), -EINVAL);
	assert_int_equal(millrace_buffer_create(c, ~0ULL, &m), -EINVAL);
	for (i = 0; i < info->max_buffers; i++)
		assert_int_equal(millrace_buffer_create(c, 1, &all[i]), 0);
	assert_int_equal(millrace_buffer_create(c, 1, &m), -ENOSPC);
	assert_int_equal(RUN(c, SAMPLE_FILL, all[i - 1].handle, 0, 1, 7).status, 0);
	assert_int_equal(*(char *)all[i - 1].data, 7);
	assert_int_equal(millrace_buffer_free(c, &all[5]), 0);
	assert_int_equal(millrace_buffer_create(c, 1, &all[5]), 0);
	m.handle = 0;
	assert_int_equal(millrace_buffer_free(c, &m), -ENOENT);
	free(all);
	millrace_client_close(c);
}

static void test_register(void **state)
{
	struct millrace_client *c = test_open(8);
	const size_t size = 64 * test_page();
	char *own = test_pages(size);
	struct millrace_memory m;
	size_t i;

	(void)state;
	for (i = 0; i < size; i++)
		own[i] = (char)(i * 31);
	assert_int_equal(millrace_buffer_register(c, own, size, &m), 0);
	assert_ptr_equal(m.data, own);
	for (i = 0; i < size; i++)
		assert_int_equal(own[i], (char)(i * 31));
	/* What the application writes the driver sees, and the other way round. */
	memcpy(own + 4000, "123456789", 9);
	assert_int_equal(RUN(c, SAMPLE_CRC32C, m.handle, 4000, 9, 0).output, 0xe3069283);
	assert_int_equal(RUN(c, SAMPLE_FILL, m.handle, 8000, 500, 0x77).output, 500);
	assert_int_equal(own[7999], (char)(7999 * 31));
	assert_int_equal(own[8000], 0x77);
	assert_int_equal(own[8499], 0x77);
	assert_int_equal(millrace_buffer_free(c, &m), 0);
	/* It stays with its content, and is the caller's alone. */
	assert_int_equal(own[8499], 0x77);
	own[0] = 1;
	millrace_client_close(c);
	assert_int_equal(own[0], 1);
	assert_memory_equal(own + 4000, "123456789", 9);
	munmap(own, size);
}

static void test_register_refused(void **state)
{
	struct millrace_client *c = test_open(8);
	const size_t page = test_page();
	char *own = test_pages(4 * page), *shared, *file;
	struct millrace_memory m, twice;
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_int_equal(millrace_buffer_register(c, NULL, page, &m), -EINVAL);
	assert_int_equal(millrace_buffer_register(c, own, 0, &m), -EINVAL);
	assert_int_equal(millrace_buffer_register(c, own + 1, page, &m), -EINVAL);
	assert_int_equal(millrace_buffer_register(c, own, page + 1, &m), -EINVAL);
	assert_int_equal(millrace_buffer_register(c, own, 1ULL << 60, &m), -EINVAL);
	munmap(own + 2 * page, page);
	assert_int_equal(millrace_buffer_register(c, own, 4 * page, &m), -EFAULT);
	mprotect(own, page, PROT_READ);
	assert_int_equal(millrace_buffer_register(c, own, page, &m), -EFAULT);
	shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(millrace_buffer_register(c, shared, page, &m), -EOPNOTSUPP);
	file = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_equal(millrace_buffer_register(c, file, page, &m), -EFAULT);
	/* The session and the rest of the memory are as they were. */
	assert_int_equal(millrace_buffer_register(c, own + page, page, &m), 0);
	assert_int_equal(millrace_buffer_register(c, own + page, page, &twice), -EOPNOTSUPP);
	assert_int_equal(RUN(c, SAMPLE_FILL, m.handle, 0, page, 1).status, 0);
	munmap(shared, page);
	munmap(file, page);
	close(fd);
	millrace_client_close(c);
	munmap(own, 4 * page);
}

/* A buffer freed while commands use it: they finish; the handle is unknown to new ones. */
static void test_free_in_use(void **state)
{
	struct millrace_client *c = test_open(64);
	struct millrace_memory m, keep;
	unsigned int i;

	(void)state;
	assert_int_equal(millrace_buffer_create(c, 1 << 20, &m), 0);
	keep = m;
	for (i = 0; i < 64; i++) {
		struct millrace_sqe *sqe = test_fill(c, SAMPLE_CRC32C, i);

		sqe->param[0] = m.handle;
		sqe->param[1] = 0;
		sqe->param[2] = m.size;
		sqe->param[3] = 0;
	}
	assert_int_equal(millrace_queue_submit(c), 64);
	assert_int_equal(millrace_buffer_free(c, &m), 0);
	for (i = 0; i < 64; i++) {
		struct test_result result = test_take(c);

		assert_int_equal(result.user_data, i);
		assert_true(result.status == 0 || result.status == -ENOENT);
	}
	assert_int_equal(RUN(c, SAMPLE_CRC32C, keep.handle, 0, 1, 0).status, -ENOENT);
	millrace_client_close(c);
}

/* Handles are a session's own. */
static void test_foreign_handle(void **state)
{
	struct millrace_client *a = test_open(8), *b = test_open(8);
	struct millrace_memory m;

	(void)state;
	assert_int_equal(millrace_buffer_create(a, 100, &m), 0);
	assert_int_equal(RUN(a, SAMPLE_CRC32C, m.handle, 0, 1, 0).status, 0);
	assert_int_equal(RUN(b, SAMPLE_CRC32C, m.handle, 0, 1, 0).status, -ENOENT);
	millrace_client_close(a);
	millrace_client_close(b);
}

TESTS(buffer, cmocka_unit_test(test_operations), cmocka_unit_test(test_long),
      cmocka_unit_test(test_bad_ranges),
      cmocka_unit_test(test_create_limits), cmocka_unit_test(test_register),
      cmocka_unit_test(test_register_refused), cmocka_unit_test(test_free_in_use),
      cmocka_unit_test(test_foreign_handle));
