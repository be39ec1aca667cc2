// SPDX-License-Identifier: MIT
/* Groups: whole or not at all, with nothing between. */
#include "client.h"

static void submit_group(struct millrace_client *c, __u32 n, __u16 opcode)
{
	struct millrace_slots slots;
	__u32 i;

	assert_int_equal(millrace_queue_reserve_group(c, n, &slots), 0);
	for (i = 0; i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), opcode, i);
	assert_int_equal(millrace_queue_submit(c), n);
}

static void test_group_sizes(void **state)
{
	struct millrace_client *c = test_open(64);
	__u32 n, i;

	(void)state;
	for (n = 1; n <= 64; n++) {
		submit_group(c, n, SAMPLE_NOP);
		for (i = 0; i < n; i++)
			assert_int_equal(test_take(c).user_data, i);
	}
	millrace_client_close(c);
}

static void test_group_too_long(void **state)
{
	struct millrace_client *c = test_open(16);
	struct millrace_slots slots;
	__u32 max;

	(void)state;
	assert_int_equal(millrace_queue_reserve_group(c, 0, &slots), -EINVAL);
	assert_int_equal(millrace_queue_reserve_group(c, 17, &slots), -E2BIG);
	assert_int_equal(millrace_queue_reserve_group(c, ~0U, &slots), -E2BIG);
	assert_int_equal(millrace_queue_reserve_group(c, 16, &slots), 0);
	millrace_queue_abandon(c);
	max = millrace_client_info(c)->max_entries;
	millrace_client_close(c);

	c = test_open(max);
	assert_int_equal(millrace_queue_reserve_group(
				 c, millrace_client_info(c)->max_group + 1, &slots),
			 -E2BIG);
	millrace_client_close(c);
}

/* One bad command: it says what is wrong, the others that they did not run; the session goes on. */
static void test_group_refused(void **state)
{
	struct millrace_client *c = test_open(16);
	struct millrace_slots slots;
	__u64 before;
	__u32 i;

	(void)state;
	before = RUN(c, SAMPLE_TICKET, 0).output;
	assert_int_equal(millrace_queue_reserve_group(c, 4, &slots), 0);
	for (i = 0; i < 4; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_TICKET, i);
	millrace_sqe(&slots, 2)->opcode = 200;
	assert_int_equal(millrace_queue_submit(c), 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(test_take(c).status, i == 2 ? -EOPNOTSUPP : -ECANCELED);
	assert_int_equal(millrace_queue_reserve_group(c, 3, &slots), 0);
	for (i = 0; i < 3; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_TICKET, i);
	millrace_sqe(&slots, 1)->group = 2; /* a group within a group */
	assert_int_equal(millrace_queue_submit(c), 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(test_take(c).status, i == 1 ? -EINVAL : -ECANCELED);
	assert_int_equal(RUN(c, SAMPLE_TICKET, 0).output, before + 1);
	millrace_client_close(c);
}

/* A command that fails while it runs does not stop its group. */
static void test_group_failure(void **state)
{
	struct millrace_client *c = test_open(16);
	struct millrace_slots slots;
	__u32 i;

	(void)state;
	assert_int_equal(millrace_queue_reserve_group(c, 3, &slots), 0);
	for (i = 0; i < 3; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_NOP, i);
	millrace_sqe_prepare(millrace_sqe(&slots, 1), SAMPLE_FAIL, 1);
	millrace_sqe(&slots, 1)->param[0] = (__u64)-EIO;
	millrace_queue_submit(c);
	assert_int_equal(test_take(c).status, 0);
	assert_int_equal(test_take(c).status, -EIO);
	assert_int_equal(test_take(c).status, 0);
	millrace_client_close(c);
}

/* Several groups published by one submit stay groups. */
static void test_groups_together(void **state)
{
	struct millrace_client *c = test_open(64);
	struct millrace_slots slots;
	__u32 n, i, total = 0;

	(void)state;
	for (n = 1; n <= 8; n++) {
		assert_int_equal(millrace_queue_reserve_group(c, n, &slots), 0);
		for (i = 0; i < n; i++)
			millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_TICKET, total++);
	}
	assert_int_equal(millrace_queue_submit(c), total);
	for (i = 0; i < total; i++)
		assert_int_equal(test_take(c).user_data, i);
	millrace_client_close(c);
}

TESTS(group, cmocka_unit_test(test_group_sizes), cmocka_unit_test(test_group_too_long),
      cmocka_unit_test(test_group_refused), cmocka_unit_test(test_group_failure),
      cmocka_unit_test(test_groups_together));
