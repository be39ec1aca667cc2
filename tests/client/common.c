// SPDX-License-Identifier: MIT
#include "client.h"

#include <sys/mman.h>

const char *test_device;

struct millrace_client *test_open_params(const struct millrace_queue_params *params)
{
	struct millrace_client *c = test_open(0);

	assert_int_equal(millrace_queue_setup(c, params), 0);
	return c;
}

struct millrace_client *test_open(__u32 entries)
{
	struct millrace_client *c;

	assert_int_equal(millrace_client_open(test_device, &c), 0);
	if (entries) {
		struct millrace_queue_params params = { .entries = entries };

		assert_int_equal(millrace_queue_setup(c, &params), 0);
	}
	return c;
}

struct millrace_sqe *test_fill(struct millrace_client *c, __u16 opcode, __u64 user_data)
{
	struct millrace_slots slots;

	assert_int_equal(millrace_queue_reserve(c, 1, &slots), 0);
	millrace_sqe_prepare(millrace_sqe(&slots, 0), opcode, user_data);
	return millrace_sqe(&slots, 0);
}

struct test_result test_take(struct millrace_client *c)
{
	struct millrace_slots slots;
	struct test_result result;

	assert_true(millrace_queue_wait(c, 1, test_deadline()) >= 1);
	assert_true(millrace_queue_peek(c, &slots) >= 1);
	result.user_data = millrace_cqe(&slots, 0)->user_data;
	result.status = millrace_cqe(&slots, 0)->status;
	result.output = millrace_cqe(&slots, 0)->output[0];
	assert_int_equal(millrace_cqe(&slots, 0)->reserved, 0);
	millrace_queue_release(c, 1);
	return result;
}

struct test_result test_run(struct millrace_client *c, __u16 opcode, const __u64 *params,
			    unsigned int count)
{
	static __u64 user_data;
	struct millrace_sqe *sqe = test_fill(c, opcode, ++user_data);
	struct test_result result;

	memcpy(sqe->param, params, count * sizeof(*params));
	assert_true(millrace_queue_submit_and_wait(c, 1, test_deadline()) >= 1);
	result = test_take(c);
	assert_int_equal(result.user_data, user_data);
	return result;
}

void *test_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}
