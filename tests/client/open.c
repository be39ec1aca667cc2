// SPDX-License-Identifier: MIT
/* Opening a device, and what it says of itself. */
#include "client.h"

#include <sys/prctl.h>

static void test_names_refused(void **state)
{
	struct millrace_client *c = NULL;

	(void)state;
	assert_int_equal(millrace_client_open(NULL, &c), -EINVAL);
	assert_int_equal(millrace_client_open(test_device, NULL), -EINVAL);
	assert_int_equal(millrace_client_open("", &c), -EINVAL);
	assert_int_equal(millrace_client_open("no-such-device", &c), -ENOENT);
	assert_int_equal(millrace_client_open("a/b", &c), -EINVAL);
	assert_int_equal(millrace_client_open("/dev/millrace/no-such-device", &c), -ENOENT);
	assert_int_equal(millrace_client_open("unix:/nowhere/at/all.sock", &c), -ENOENT);
	assert_int_equal(millrace_client_open("fd:", &c), -EINVAL);
	assert_int_equal(millrace_client_open("fd:1x", &c), -EINVAL);
	assert_int_equal(millrace_client_open("fd:1000000", &c), -EBADF);
	assert_null(c);
	millrace_client_close(NULL);
}

static void test_info(void **state)
{
	struct millrace_client *c = test_open(0);
	const struct millrace_info *info = millrace_client_info(c);

	(void)state;
	assert_int_equal(info->abi, MILLRACE_ABI);
	assert_string_equal(info->name, "sample0");
	assert_string_equal(info->driver, "sample");
	assert_int_equal(info->ops, 9);
	assert_int_equal(info->max_params, 5);
	assert_int_equal(info->max_outputs, 1);
	assert_int_equal(info->sqe_size, 64);
	assert_int_equal(info->cqe_size, 32);
	assert_true(info->max_entries >= 256 && info->max_group >= 64);
	millrace_client_close(c);
}

static void test_ops(void **state)
{
	struct millrace_client *c = test_open(0);
	struct millrace_op_info op;
	__u32 i;

	(void)state;
	for (i = 0; i < millrace_client_info(c)->ops; i++) {
		assert_int_equal(millrace_client_op(c, i, &op), 0);
		assert_int_equal(op.opcode, i);
	}
	assert_int_equal(millrace_client_op(c, SAMPLE_CRC32C, &op), 0);
	assert_string_equal(op.name, "crc32c");
	assert_int_equal(op.params, 4);
	assert_int_equal(op.outputs, 1);
	assert_int_equal(millrace_client_op(c, i, &op), -ENOENT);
	assert_int_equal(millrace_client_op(c, ~0U, &op), -ENOENT);
	millrace_client_close(c);
}

static void test_setup_refused(void **state)
{
	struct millrace_client *c = test_open(0);
	const __u32 max = millrace_client_info(c)->max_entries;
	const struct millrace_queue_params bad[] = {
		{ .entries = 0 },
		{ .entries = 3 },
		{ .entries = max * 2 },
		{ .entries = 0x80000000 },
		{ .entries = 8, .cq_entries = 7 },
		{ .entries = 8, .cq_entries = max * 2 },
		{ .entries = 8, .poll_us = millrace_client_info(c)->max_poll_us + 1 },
		{ .entries = 8, .poll_us = ~0U - 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(millrace_queue_setup(c, &bad[i]), -EINVAL);
	assert_int_equal(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = max }),
			 0);
	assert_int_equal(millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 8 }),
			 -EBUSY);
	millrace_client_close(c);
}

/* The same at the request itself: what the library would never send. */
static void test_setup_abi(void **state)
{
	struct millrace_client *c = test_open(0);
	const struct millrace_setup good = { .abi = MILLRACE_ABI, .sq_entries = 8 };
	struct millrace_setup bad[] = { good, good, good, good, good };
	size_t i;

	(void)state;
	bad[0].abi = MILLRACE_ABI + 1;
	bad[1].flags = 1;
	bad[2].reserved[3] = 1;
	bad[3].sqe_size = 64;
	bad[4].client_offset = 1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(c->backend->request(c, MILLRACE_IOC_SETUP, &bad[i], sizeof(bad[i])),
				 -EINVAL);
	millrace_client_close(c);
}

static void test_requests_refused(void **state)
{
	struct millrace_client *c = test_open(8);
	struct millrace_op_info op = { .reserved[1] = 1 };
	struct millrace_eventfd eventfd = { .fd = -2 };
	struct millrace_session_stats stats = { .commands = 1 };

	(void)state;
	assert_int_equal(c->backend->request(c, MILLRACE_IOC_OP, &op, sizeof(op)), -EINVAL);
	assert_int_equal(c->backend->request(c, MILLRACE_IOC_EVENTFD, &eventfd, sizeof(eventfd)),
			 -EINVAL);
	assert_int_equal(c->backend->request(c, MILLRACE_IOC_STATS, &stats, sizeof(stats)),
			 -EINVAL);
	assert_int_equal(c->backend->request(c, _IOWR(MILLRACE_IOC_MAGIC, 0x7f, op), &op,
					     sizeof(op)),
			 -ENOTTY);
	millrace_client_close(c);
}

static void test_before_setup(void **state)
{
	struct millrace_client *c = test_open(0);
	struct millrace_slots slots;

	(void)state;
	assert_int_equal(millrace_queue_reserve(c, 1, &slots), -EINVAL);
	assert_int_equal(millrace_queue_reserve_group(c, 1, &slots), -EINVAL);
	assert_int_equal(millrace_queue_submit(c), -EINVAL);
	assert_int_equal(millrace_queue_submit_and_wait(c, 1, 0), -EINVAL);
	assert_int_equal(millrace_queue_wait(c, 1, 0), -EINVAL);
	assert_int_equal(millrace_queue_peek(c, &slots), -EINVAL);
	assert_int_equal(millrace_queue_arm(c), -EINVAL);
	assert_int_equal(millrace_queue_fd(c), -EINVAL);
	assert_int_equal(millrace_queue_set_eventfd(c, -1), -EINVAL);
	millrace_queue_release(c, 1);
	millrace_client_close(c);
}

/* The numbers of sessions and commands, as any client of the device can read them. */
static void test_stats(void **state)
{
	struct millrace_client *c = test_open(8), *other = test_open(0);
	struct millrace_session_stats stats, own = { 0 };
	__u64 id;

	(void)state;
	assert_int_equal(RUN(c, SAMPLE_NOP, 0).status, 0);
	assert_int_equal(RUN(c, SAMPLE_FAIL, (__u64)-EIO).status, -EIO);
	for (id = 0; !millrace_client_stats(other, id, &stats); id = stats.id + 1) {
		assert_true(stats.id >= id);
		if (stats.pid == (__u32)getpid() && stats.id > own.id)
			own = stats;
	}
	assert_int_equal(own.commands, 2);
	assert_int_equal(own.groups, 2);
	assert_int_equal(own.errors, 1);
	assert_int_equal(own.sq_depth + own.in_flight + own.cq_depth, 0);
	assert_int_equal(own.uid, getuid());
	assert_int_equal(millrace_client_stats(other, ~0ULL, &stats), -ENOENT);
	millrace_client_close(other);
	millrace_client_close(c);
}

static struct millrace_session_stats stats_of(struct millrace_client *c)
{
	struct millrace_session_stats stats, own = { 0 };
	__u64 id;

	for (id = 0; !millrace_client_stats(c, id, &stats); id = stats.id + 1)
		if (stats.pid == (__u32)getpid())
			own = stats; /* the last that was set up */
	return own;
}

/* What a client calls itself is shown to others, and cannot do anything there. */
static void test_stats_printable(void **state)
{
	struct millrace_client *c;
	char before[16];

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, before), 0);
	assert_int_equal(prctl(PR_SET_NAME, "a\nb\t\33[2J\303\244\177 cde"), 0);
	c = test_open(8);
	assert_int_equal(prctl(PR_SET_NAME, before), 0);
	assert_string_equal(stats_of(c).comm, "a?b??[2J??? cde");
	millrace_client_close(c);
}

/* Each number that `millrace stats` shows follows what happens. */
static void test_stats_follow(void **state)
{
	struct millrace_client *c = test_open_params(&(struct millrace_queue_params){
		.entries = 8, .poll_us = MILLRACE_POLL_NEVER, .spin_us = MILLRACE_SPIN_NEVER });
	struct millrace_session_stats s = stats_of(c);
	struct millrace_memory m;

	(void)state;
	assert_int_equal(s.commands + s.groups + s.kicks + s.wakeups + s.spins + s.waits + s.errors,
			 0);
	assert_int_equal(s.buffers + s.buffer_bytes + s.error, 0);
	assert_int_equal(millrace_buffer_create(c, 3 * test_page(), &m), 0);
	assert_int_equal(stats_of(c).buffers, 1);
	assert_int_equal(stats_of(c).buffer_bytes, 3 * test_page());

	/* Asleep for a command that takes a while: kicked, waited, woken. */
	test_fill(c, SAMPLE_DELAY, 1)->param[0] = 20000000;
	assert_int_equal(millrace_queue_submit(c), 1);
	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), 1);
	s = stats_of(c);
	assert_int_equal(s.kicks, 1);
	assert_int_equal(s.waits, 1);
	assert_int_equal(s.wakeups, 1);
	assert_int_equal(s.spins, 0);
	assert_int_equal(s.cq_depth, 1);
	millrace_queue_release(c, 1);
	assert_int_equal(stats_of(c).cq_depth, 0);

	/* Spinning for one: nobody has to be woken. */
	millrace_queue_set_spin(c, 60 * 1000 * 1000);
	test_fill(c, SAMPLE_DELAY, 2)->param[0] = 1000000;
	assert_int_equal(millrace_queue_submit(c), 1);
	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), 1);
	s = stats_of(c);
	assert_int_equal(s.kicks, 2);
	assert_int_equal(s.spins, 1);
	assert_int_equal(s.waits, 1);
	assert_int_equal(s.wakeups, 1);
	millrace_queue_release(c, 1);

	/* On its way. */
	test_fill(c, SAMPLE_DELAY, 3)->param[0] = 59 * SECOND;
	assert_int_equal(millrace_queue_submit(c), 1);
	while (stats_of(c).in_flight != 1)
		sched_yield();
	assert_int_equal(stats_of(c).sq_depth, 0);
	millrace_client_close(c);
}

TESTS(open, cmocka_unit_test(test_names_refused), cmocka_unit_test(test_info),
      cmocka_unit_test(test_ops), cmocka_unit_test(test_setup_refused),
      cmocka_unit_test(test_setup_abi), cmocka_unit_test(test_requests_refused),
      cmocka_unit_test(test_before_setup), cmocka_unit_test(test_stats),
      cmocka_unit_test(test_stats_printable), cmocka_unit_test(test_stats_follow));
