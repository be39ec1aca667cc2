// SPDX-License-Identifier: MIT
/* Commands: every operation, back-pressure, the wrap. */
#include "client.h"

static void test_add(void **state)
{
	struct millrace_client *c = test_open(4);
	unsigned int i;

	(void)state;
	/* Far more than the sixteen after which the indices wrap. */
	for (i = 0; i < 1000; i++)
		assert_int_equal(RUN(c, SAMPLE_ADD, i, ~0ULL).output, (__u64)i - 1);
	millrace_client_close(c);
}

static void test_refused_commands(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_sqe *sqe;

	(void)state;
	assert_int_equal(RUN(c, 9, 0).status, -EOPNOTSUPP);
	assert_int_equal(RUN(c, 255, 0).status, -EOPNOTSUPP);
	assert_int_equal(RUN(c, 0xffff, 0).status, -EOPNOTSUPP);
	sqe = test_fill(c, SAMPLE_NOP, 0);
	sqe->flags = 1;
	millrace_queue_submit(c);
	assert_int_equal(test_take(c).status, -EINVAL);
	sqe = test_fill(c, SAMPLE_NOP, 0);
	sqe->reserved = 0x8000;
	millrace_queue_submit(c);
	assert_int_equal(test_take(c).status, -EINVAL);
	assert_int_equal(RUN(c, SAMPLE_FAIL, (__u64)-ENOTTY).status, -ENOTTY);
	assert_int_equal(RUN(c, SAMPLE_FAIL, 0).status, -EINVAL);
	assert_int_equal(RUN(c, SAMPLE_FAIL, (__u64)-5000).status, -EINVAL);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(c);
}

static void test_reserve_limits(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_slots slots;

	(void)state;
	assert_int_equal(millrace_queue_reserve(c, 0, &slots), -EINVAL);
	assert_int_equal(millrace_queue_reserve(c, 9, &slots), -EINVAL);
	assert_int_equal(millrace_queue_reserve(c, 5, &slots), 0);
	assert_int_equal(millrace_queue_reserve(c, 4, &slots), -EAGAIN);
	assert_int_equal(millrace_queue_reserve(c, 3, &slots), 0);
	millrace_queue_abandon(c);
	assert_int_equal(millrace_queue_submit(c), 0);
	assert_int_equal(millrace_queue_reserve(c, 8, &slots), 0);
	millrace_queue_abandon(c);
	millrace_client_close(c);
}

/* Completions that are not taken hold back new commands; nothing is lost, none comes twice. */
static void test_backpressure(void **state)
{
	struct millrace_client *c = test_open_params(
		&(struct millrace_queue_params){ .entries = 4, .cq_entries = 16 });
	struct millrace_slots slots;
	__u64 submitted = 0, taken = 0;
	int n;

	(void)state;
	while (taken < 10000) {
		while (submitted - taken < 16) {
			n = millrace_queue_reserve(c, 1, &slots);
			if (n) {
				/* The SQ is full: the home has not taken them yet. */
				assert_int_equal(n, -EAGAIN);
				break;
			}
			millrace_sqe_prepare(millrace_sqe(&slots, 0), SAMPLE_NOP, submitted++);
			assert_int_equal(millrace_queue_submit(c), 1);
		}
		if (submitted - taken == 16)
			assert_int_equal(millrace_queue_reserve(c, 1, &slots), -EAGAIN);
		assert_true(millrace_queue_wait(c, 1, test_deadline()) > 0);
		n = millrace_queue_peek(c, &slots);
		assert_int_equal(millrace_cqe(&slots, 0)->user_data, taken);
		assert_int_equal(millrace_cqe(&slots, n - 1)->user_data, taken + n - 1);
		millrace_queue_release(c, n);
		taken += n;
	}
	millrace_client_close(c);
}

/* A CQ smaller than the SQ: the client's own credits are what holds it back. */
static void test_small_cq(void **state)
{
	struct millrace_client *c = test_open_params(
		&(struct millrace_queue_params){ .entries = 16, .cq_entries = 2 });
	struct millrace_slots slots;
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_int_equal(millrace_queue_reserve(c, 3, &slots), -EINVAL);
		test_fill(c, SAMPLE_NOP, 2 * i);
		test_fill(c, SAMPLE_NOP, 2 * i + 1);
		assert_int_equal(millrace_queue_reserve(c, 1, &slots), -EAGAIN);
		assert_int_equal(millrace_queue_submit(c), 2);
		assert_int_equal(test_take(c).user_data, 2 * i);
		assert_int_equal(test_take(c).user_data, 2 * i + 1);
	}
	millrace_client_close(c);
}

/* Later commands overtake a delayed one; its completion still comes. */
static void test_out_of_order(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_sqe *sqe;
	struct test_result result;

	(void)state;
	sqe = test_fill(c, SAMPLE_DELAY, 1);
	sqe->param[0] = 50000000;
	sqe = test_fill(c, SAMPLE_DELAY, 2);
	sqe->param[0] = 10000000;
	test_fill(c, SAMPLE_NOP, 3);
	assert_int_equal(millrace_queue_submit(c), 3);
	assert_int_equal(test_take(c).user_data, 3);
	result = test_take(c);
	assert_int_equal(result.user_data, 2);
	assert_true(result.output >= 10000000);
	result = test_take(c);
	assert_int_equal(result.user_data, 1);
	assert_true(result.output >= 50000000);
	assert_int_equal(RUN(c, SAMPLE_DELAY, 61 * SECOND).status, -EINVAL);
	millrace_client_close(c);
}

/* More delays at once than would fit if their slots were not given back. */
static void test_many_delays(void **state)
{
	struct millrace_client *c = test_open(64);
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 64; i++)
			test_fill(c, SAMPLE_DELAY, i)->param[0] = (i * 7919) % 200000;
		assert_int_equal(millrace_queue_submit(c), 64);
		assert_int_equal(millrace_queue_wait(c, 64, test_deadline()), 64);
		millrace_queue_release(c, 64);
	}
	millrace_client_close(c);
}

static void test_close_with_delays(void **state)
{
	struct millrace_client *c = test_open(64);
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		test_fill(c, SAMPLE_DELAY, i)->param[0] = 59 * SECOND;
	assert_int_equal(millrace_queue_submit(c), 64);
	millrace_client_close(c);
}

TESTS(queue, cmocka_unit_test(test_add), cmocka_unit_test(test_refused_commands),
      cmocka_unit_test(test_reserve_limits), cmocka_unit_test(test_backpressure),
      cmocka_unit_test(test_small_cq), cmocka_unit_test(test_out_of_order),
      cmocka_unit_test(test_many_delays), cmocka_unit_test(test_close_with_delays));
