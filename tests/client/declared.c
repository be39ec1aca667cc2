// SPDX-License-Identifier: MIT
/*
 * What a driver declares is what its clients get, in whichever home: the test driver `single` has other
 * limits, sizes and opcodes than the sample, and takes one client at a time.
 *
 *	declared-tests DEVICE
 */
#include "client.h"

#include "../kernel/single.h"

/* The device, once the client before has gone: a process home notices a moment later. */
static struct millrace_client *open_single(void)
{
	struct millrace_client *c = NULL;
	int err;

	while ((err = millrace_client_open(test_device, &c)) == -EBUSY)
		sched_yield();
	assert_int_equal(err, 0);
	return c;
}

static struct millrace_client *start_single(void)
{
	struct millrace_client *c = open_single();

	assert_int_equal(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 16 }),
			 0);
	return c;
}

static int refuse_next(int err)
{
	struct millrace_client *c = start_single();

	assert_int_equal(RUN(c, SINGLE_REFUSE, (__u64)err).status, 0);
	millrace_client_close(c);
	while ((err = millrace_client_open(test_device, &c)) == -EBUSY)
		sched_yield();
	return err;
}

static void test_info(void **state)
{
	struct millrace_client *c = open_single();
	const struct millrace_info *info = millrace_client_info(c);
	struct millrace_op_info op;

	(void)state;
	assert_string_equal(info->name, "single0");
	assert_string_equal(info->driver, "single");
	assert_int_equal(info->ops, 4);
	assert_int_equal(info->max_params, 30);
	assert_int_equal(info->max_outputs, 30);
	assert_int_equal(info->sqe_size, 256);
	assert_int_equal(info->cqe_size, 256);
	assert_int_equal(info->max_entries, 16);
	assert_int_equal(info->max_group, 4);
	assert_int_equal(info->max_sessions, 1);
	assert_int_equal(info->max_buffers, 2);
	assert_int_equal(info->max_buffer_size, 8192);
	assert_int_equal(info->max_memory, 12288);
	assert_int_equal(millrace_client_op(c, 1, &op), 0);
	assert_int_equal(op.opcode, SINGLE_REFUSE);
	assert_int_equal(op.params, 1);
	millrace_client_close(c);
}

/* Thirty parameters there, thirty outputs back, again and again around the ring. */
static void test_widest_commands(void **state)
{
	struct millrace_client *c = start_single();
	struct millrace_slots slots;
	__u64 sum = 0;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 100; i++) {
		struct millrace_sqe *sqe = test_fill(c, SINGLE_SUM, i);

		for (k = 0; k < SINGLE_PARAMS; k++) {
			sqe->param[k] = (__u64)i << 40 | k;
			sum += sqe->param[k];
		}
		assert_int_equal(millrace_queue_submit_and_wait(c, 1, test_deadline()), 1);
		assert_int_equal(millrace_queue_peek(c, &slots), 1);
		assert_int_equal(millrace_cqe(&slots, 0)->status, 0);
		assert_int_equal(millrace_cqe(&slots, 0)->output[0], sum);
		for (k = 1; k < SINGLE_PARAMS; k++)
			assert_int_equal(millrace_cqe(&slots, 0)->output[k],
					 (__u64)i << 40 | (SINGLE_PARAMS - k));
		millrace_queue_release(c, 1);
	}
	/* Opcodes between those that it has are none; a driver's mistake is no status of a client's. */
	assert_int_equal(RUN(c, 0, 0).status, -EOPNOTSUPP);
	assert_int_equal(RUN(c, 76, 0).status, -EOPNOTSUPP);
	assert_int_equal(RUN(c, SINGLE_MISTAKE, 0).status, -EIO);
	millrace_client_close(c);
}

static void test_limits(void **state)
{
	struct millrace_client *c = open_single();
	struct millrace_memory m[3];
	struct millrace_slots slots;
	void *own = test_pages(8192);

	(void)state;
	assert_int_equal(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 32 }),
			 -EINVAL);
	assert_int_equal(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 16 }),
			 0);
	assert_int_equal(millrace_queue_reserve_group(c, 5, &slots), -E2BIG);
	assert_int_equal(millrace_queue_reserve_group(c, 4, &slots), 0);
	millrace_queue_abandon(c);
	assert_int_equal(millrace_buffer_create(c, 8193, &m[0]), -EINVAL);
	assert_int_equal(millrace_buffer_create(c, 8192, &m[0]), 0);
	assert_int_equal(millrace_buffer_create(c, 8192, &m[1]), -ENOMEM);
	assert_int_equal(millrace_buffer_register(c, own, 8192, &m[1]), -ENOMEM);
	assert_int_equal(millrace_buffer_register(c, own, 4096, &m[1]), 0);
	assert_int_equal(millrace_buffer_free(c, &m[0]), 0);
	assert_int_equal(millrace_buffer_create(c, 1, &m[0]), 0);
	assert_int_equal(millrace_buffer_create(c, 1, &m[2]), -ENOSPC);
	millrace_client_close(c);
}

/* A second client is told so, and comes when the first has gone; with a queue pair or without. */
static void test_second_client(void **state)
{
	struct millrace_client *first, *second = NULL;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		first = i % 2 ? start_single() : open_single();
		assert_int_equal(millrace_client_open(test_device, &second), -EBUSY);
		assert_int_equal(millrace_client_open(test_device, &second), -EBUSY);
		assert_null(second);
		if (i % 2)
			assert_int_equal(RUN(first, SINGLE_REFUSE, 0).status, 0);
		millrace_client_close(first);
	}
	millrace_client_close(open_single());
}

/* The driver's open() may refuse, with an errno of its own; it sees each client come and go once. */
static void test_refused_by_the_driver(void **state)
{
	struct millrace_slots slots;
	struct millrace_client *c;
	__u64 opened;

	(void)state;
	assert_int_equal(refuse_next(-EKEYREJECTED), -EKEYREJECTED);
	assert_int_equal(refuse_next(-ENOTUNIQ), -ENOTUNIQ);
	c = start_single();
	assert_int_equal(RUN(c, SINGLE_CLIENTS, 0).status, 0);
	opened = RUN(c, SINGLE_CLIENTS, 0).output;
	test_fill(c, SINGLE_CLIENTS, 1);
	assert_int_equal(millrace_queue_submit_and_wait(c, 1, test_deadline()), 1);
	assert_int_equal(millrace_queue_peek(c, &slots), 1);
	assert_int_equal(millrace_cqe(&slots, 0)->output[1], opened - 1);
	millrace_client_close(c);
}

/* A session's state starts at zero, whoever was there before. */
static void test_session_state(void **state)
{
	__u64 params[SINGLE_PARAMS] = { 1, 2, 3 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct millrace_client *c = start_single();

		assert_int_equal(test_run(c, SINGLE_SUM, params, SINGLE_PARAMS).output, 6);
		assert_int_equal(test_run(c, SINGLE_SUM, params, SINGLE_PARAMS).output, 12);
		millrace_client_close(c);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_widest_commands),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_second_client),
		cmocka_unit_test(test_refused_by_the_driver),
		cmocka_unit_test(test_session_state),
	};

	if (argc != 2)
		return 2;
	test_device = argv[1];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("declared", tests, NULL, NULL);
}
