/* SPDX-License-Identifier: MIT */
/* What a driver declares: contradictions are refused, the rest can be asked for. */
#include "fake_home.h"

static struct millrace_device d;
static int probed, removed;

static int init(const struct millrace_driver *driver)
{
	d = (struct millrace_device){ 0 };
	return millrace_device_init(&d, driver, "dev0", MILLRACE_HOME_PROCESS);
}

static void expect(const struct millrace_driver *driver, int err)
{
	assert_int_equal(init(driver), err);
	if (!err)
		millrace_device_exit(&d);
}

/* The fake driver with one change. */
#define expect_driver(err, ...)                                                                    \
	do {                                                                                       \
		struct millrace_driver v = fake_driver;                                            \
		__VA_ARGS__;                                                                       \
		expect(&v, err);                                                                   \
	} while (0)
#define expect_op(err, ...)                                                                        \
	do {                                                                                       \
		struct millrace_op op = { .name = "op", .opcode = 3, .params = 4, .outputs = 1 };  \
		struct millrace_driver v = fake_driver;                                            \
		__VA_ARGS__;                                                                       \
		v.ops = &op;                                                                       \
		v.op_count = 1;                                                                    \
		expect(&v, err);                                                                   \
	} while (0)

static void drivers_that_contradict_themselves(void **state)
{
	(void)state;
	expect_driver(0, (void)v);
	expect_driver(-EINVAL, v.name = NULL);
	expect_driver(-EINVAL, v.execute = NULL);
	expect_driver(-EINVAL, v.op_count = 0);
	expect_driver(-EINVAL, v.max_entries = 3);
	expect_driver(-EINVAL, v.max_entries = 65536);
	expect_driver(0, v.max_entries = 32768);
	expect_driver(-EINVAL, v.max_entries = 8, v.max_group = 9);
	expect_driver(0, v.max_entries = 8, v.max_group = 8);
	expect_driver(-EINVAL, v.max_buffers = 4096);
	expect_driver(0, v.max_buffers = 4095);
}

static void operations_that_contradict_themselves(void **state)
{
	(void)state;
	expect_op(0, (void)op);
	expect_op(-EINVAL, op.name = NULL);
	expect_op(0, op.opcode = MILLRACE_OPCODES - 1);
	expect_op(-EINVAL, op.opcode = MILLRACE_OPCODES);
	expect_op(-EINVAL, op.opcode = 65535);
	expect_op(0, op.params = MILLRACE_PARAMS);
	expect_op(-EINVAL, op.params = MILLRACE_PARAMS + 1);
	expect_op(0, op.outputs = MILLRACE_OUTPUTS);
	expect_op(-EINVAL, op.outputs = MILLRACE_OUTPUTS + 1);
	expect_op(0, op.spans = 1, op.span[0].size = 3);
	expect_op(-EINVAL, op.spans = 1, op.span[0].size = 4);
	expect_op(-EINVAL, op.spans = 1, op.span[0].offset = 4);
	expect_op(-EINVAL, op.spans = 1, op.span[0].handle = 4);
	expect_op(-EINVAL, op.spans = 2, op.span[1].handle = 255);
	expect_op(-EINVAL, op.spans = MILLRACE_SPANS + 1);
}

static void an_opcode_twice_is_refused(void **state)
{
	static const struct millrace_op twice[] = {
		{ .name = "a", .opcode = 1 },
		{ .name = "b", .opcode = 1 },
	};

	(void)state;
	expect_driver(-EINVAL, v.ops = twice, v.op_count = 2);
}

/* 0 means the home's own limit, and that is never more than another limit allows. */
static void limits_left_out_follow_those_given(void **state)
{
	struct millrace_driver v = fake_driver;

	(void)state;
	v.max_entries = 16;
	v.max_group = 0;
	assert_int_equal(init(&v), 0);
	assert_int_equal(d.max_group, 16);
	millrace_device_exit(&d);
}

static void entries_are_sized_after_the_largest_operation(void **state)
{
	unsigned int params, outputs;

	(void)state;
	for (params = 0; params <= MILLRACE_PARAMS; params++)
		for (outputs = 0; outputs <= MILLRACE_OUTPUTS; outputs++) {
			struct millrace_op op = { .name = "op", .params = params,
						  .outputs = outputs };
			struct millrace_driver v = fake_driver;

			v.ops = &op;
			v.op_count = 1;
			assert_int_equal(init(&v), 0);
			assert_true(d.sqe_size >= 16 + 8 * params && d.sqe_size >= 64);
			assert_true(d.cqe_size >= 16 + 8 * outputs);
			assert_int_equal(d.sqe_size & (d.sqe_size - 1), 0);
			assert_int_equal(d.cqe_size & (d.cqe_size - 1), 0);
			assert_true(d.sqe_size < 2 * (16 + 8 * params) || d.sqe_size == 64);
			assert_true(d.cqe_size < 2 * (16 + 8 * outputs) || d.cqe_size == 16);
			millrace_device_exit(&d);
		}
}

static void operations_can_be_asked_for(void **state)
{
	struct millrace_op_info info = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < fake_driver.op_count; i++) {
		info = (struct millrace_op_info){ .index = i };
		assert_int_equal(millrace_device_op_info(&fake_device, &info), 0);
		assert_int_equal(info.opcode, fake_driver.ops[i].opcode);
		assert_int_equal(info.params, fake_driver.ops[i].params);
		assert_int_equal(info.outputs, fake_driver.ops[i].outputs);
		assert_string_equal(info.name, fake_driver.ops[i].name);
	}
	info = (struct millrace_op_info){ .index = i };
	assert_int_equal(millrace_device_op_info(&fake_device, &info), -ENOENT);
	info.index = ~0U;
	assert_int_equal(millrace_device_op_info(&fake_device, &info), -ENOENT);
	info = (struct millrace_op_info){ .reserved = { 0, 1 } };
	assert_int_equal(millrace_device_op_info(&fake_device, &info), -EINVAL);
}

static void info_says_what_it_is(void **state)
{
	struct millrace_info info;

	(void)state;
	memset(&info, 0xff, sizeof(info));
	millrace_device_info(&fake_device, &info);
	assert_int_equal(info.abi, MILLRACE_ABI);
	assert_int_equal(info.home, MILLRACE_HOME_LOCAL);
	assert_string_equal(info.name, "fake0");
	assert_string_equal(info.driver, "fake");
	assert_int_equal(info.ops, fake_driver.op_count);
	assert_int_equal(info.max_params, 6);
	assert_int_equal(info.max_outputs, 2);
	assert_int_equal(info.sqe_size, 64);
	assert_int_equal(info.cqe_size, 32);
	assert_int_equal(info.reserved[0] | info.reserved[1], 0);
}

static void long_names_are_cut(void **state)
{
	const char *name = "0123456789012345678901234567890123456789";
	struct millrace_info info;

	(void)state;
	d = (struct millrace_device){ 0 };
	assert_int_equal(millrace_device_init(&d, &fake_driver, name, MILLRACE_HOME_LOCAL), 0);
	millrace_device_info(&d, &info);
	assert_int_equal(strlen(info.name), MILLRACE_NAME_SIZE - 1);
	millrace_device_exit(&d);
}

static int probe(struct millrace_device *device)
{
	(void)device;
	probed++;
	return 0;
}

static int fail_probe(struct millrace_device *device)
{
	(void)device;
	probed++;
	return -EIO;
}

static void forget(struct millrace_device *device)
{
	(void)device;
	removed++;
}

static void remove_mirrors_probe(void **state)
{
	(void)state;
	probed = removed = 0;
	expect_driver(-EIO, v.probe = fail_probe, v.remove = forget);
	assert_int_equal(probed, 1);
	assert_int_equal(removed, 0);
	expect_driver(0, v.probe = probe, v.remove = forget);
	assert_int_equal(probed, 2);
	assert_int_equal(removed, 1);
}

static int refuse(struct millrace_session *session)
{
	(void)session;
	return -EBUSY;
}

static void opened_must_not_be(struct millrace_session *session)
{
	(void)session;
	fail_msg("close() of a session that was not opened");
}

static void driver_may_refuse_a_client(void **state)
{
	struct millrace_session s = { 0 };

	(void)state;
	fake_driver.open = refuse;
	fake_driver.close = opened_must_not_be;
	assert_int_equal(millrace_session_init(&s, &fake_device), -EBUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(drivers_that_contradict_themselves),
		fake_test(operations_that_contradict_themselves),
		fake_test(an_opcode_twice_is_refused),
		fake_test(limits_left_out_follow_those_given),
		fake_test(entries_are_sized_after_the_largest_operation),
		fake_test(operations_can_be_asked_for),
		fake_test(info_says_what_it_is),
		fake_test(long_names_are_cut),
		fake_test(remove_mirrors_probe),
		fake_test(driver_may_refuse_a_client),
	};

	return fake_main("device", tests, LENGTH(tests));
}
