/* SPDX-License-Identifier: MIT */
/* Validation of commands: each mistake has its errno, and the session goes on. */
#include "fake_home.h"

static struct fake_session *f;

static int start(void **state)
{
	int err = fake_start(state);

	f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	return err;
}

static int stop(void **state)
{
	fake_close(f);
	return fake_stop(state);
}

/* Runs the one command that was pushed; then a good one, which must work. */
static void expect(int status)
{
	unsigned int executed = fake_logged;

	fake_submit(f);
	fake_run();
	fake_expect(f, 42, status);
	if (status)
		assert_int_equal(fake_logged, executed);
	fake_push_group(f, 1, 7);
	fake_submit(f);
	fake_run();
	fake_expect(f, 7, 0);
	assert_int_equal(f->session.driver->error.value, MILLRACE_ERROR_NONE);
}

static void any_flag_is_refused(void **state)
{
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 16; bit++) {
		fake_push(f, FAKE_NOP, 1, 42)->flags = 1 << bit;
		expect(-EINVAL);
	}
}

static void any_reserved_bit_is_refused(void **state)
{
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 16; bit++) {
		fake_push(f, FAKE_NOP, 1, 42)->reserved = 1 << bit;
		expect(-EINVAL);
	}
}

static void unknown_opcodes_are_refused(void **state)
{
	unsigned int opcode;

	(void)state;
	for (opcode = 0; opcode < 65536; opcode++) {
		if (opcode <= FAKE_FAIL || opcode == FAKE_LAST)
			continue;
		fake_push(f, opcode, 1, 42);
		fake_submit(f);
		fake_run();
		fake_expect(f, 42, -EOPNOTSUPP);
	}
	fake_push(f, FAKE_LAST, 1, 42);
	expect(0);
}

static void malformed_comes_before_unknown(void **state)
{
	(void)state;
	fake_push(f, 77, 1, 42)->flags = 1;
	expect(-EINVAL);
}

/* A failing command's outputs are zero, also where the driver or an older command left something. */
static void outputs_of_errors_are_zero(void **state)
{
	const struct millrace_cqe *cqe;
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++) {
		struct millrace_sqe *sqe = fake_push(f, FAKE_ADD, 1, i);

		sqe->param[0] = 1000;
		sqe->param[1] = i;
	}
	fake_submit(f);
	fake_run();
	for (i = 0; i < 16; i++) {
		cqe = fake_take(f);
		assert_int_equal(cqe->output[0], 1000 + i);
		assert_int_equal(cqe->output[1], 0);
	}
	for (i = 0; i < 32; i++) {
		fake_push(f, i % 2 ? FAKE_FAIL : 77, 1, i)->param[0] = EIO;
		fake_submit(f);
		fake_run();
		cqe = fake_take(f);
		assert_int_equal(cqe->status, i % 2 ? -EIO : -EOPNOTSUPP);
		assert_int_equal(cqe->output[0], 0);
		assert_int_equal(cqe->output[1], 0);
	}
	assert_int_equal(f->session.count.errors, 32);
}

static struct millrace_sqe *shared;
static __u64 seen;

static void rewrite_while_running(struct millrace_cmd *cmd)
{
	memset(shared, 0xff, f->setup.sqe_size);
	seen = cmd->param[0];
}

/* What the client writes after the command was taken is of no effect. */
static void command_is_read_once(void **state)
{
	(void)state;
	fake_hook = rewrite_while_running;
	shared = fake_push(f, FAKE_ADD, 1, 42);
	shared->param[0] = 3;
	shared->param[1] = 4;
	fake_submit(f);
	fake_run();
	fake_hook = NULL;
	assert_int_equal(seen, 3);
	assert_int_equal(fake_take(f)->output[0], 7);
	fake_push(f, FAKE_NOP, 1, 42);
	expect(0);
}

static void driver_that_does_not_know_its_opcode_is_believed(void **state)
{
	(void)state;
	fake_push(f, FAKE_FAIL, 1, 42)->param[0] = EOPNOTSUPP;
	fake_submit(f);
	fake_run();
	fake_expect(f, 42, -EOPNOTSUPP);
}

#define test(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(any_flag_is_refused),
		test(any_reserved_bit_is_refused),
		test(unknown_opcodes_are_refused),
		test(malformed_comes_before_unknown),
		test(outputs_of_errors_are_zero),
		test(command_is_read_once),
		test(driver_that_does_not_know_its_opcode_is_believed),
	};

	return fake_main("validate", tests, LENGTH(tests));
}
