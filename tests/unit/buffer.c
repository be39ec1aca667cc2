/* SPDX-License-Identifier: MIT */
/* Buffers: handles, stretches, and memory that lives as long as a command uses it. */
#include "fake_home.h"

#define MAX 8
static struct fake_session *f;

static int start(void **state)
{
	int err;

	fake_driver.max_buffers = MAX;
	err = fake_start(state);
	f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	return err;
}

static int stop(void **state)
{
	if (f)
		fake_close(f);
	f = NULL;
	return fake_stop(state);
}

static int touch(__u64 handle, __u64 offset, __u64 size)
{
	struct millrace_sqe *sqe = fake_push(f, FAKE_TOUCH, 1, 1);
	const struct millrace_cqe *cqe;

	sqe->param[0] = handle;
	sqe->param[1] = offset;
	sqe->param[2] = size;
	fake_submit(f);
	fake_run();
	cqe = fake_take(f);
	assert_non_null(cqe);
	if (!cqe->status)
		assert_int_equal(cqe->output[0], size);
	return cqe->status;
}

static void handles_are_found_or_not(void **state)
{
	__u32 handle = fake_insert(f, 100, NULL);
	unsigned int bit;

	(void)state;
	assert_int_equal(touch(handle, 0, 100), 0);
	assert_int_equal(touch(0, 0, 1), -ENOENT);
	assert_int_equal(touch(handle + 1, 0, 1), -ENOENT);
	assert_int_equal(touch(MAX, 0, 1), -ENOENT);
	assert_int_equal(touch(MAX + 1, 0, 1), -ENOENT);
	assert_int_equal(touch(~0ULL, 0, 1), -ENOENT);
	for (bit = 4; bit < 64; bit++)
		assert_int_equal(touch(handle | 1ULL << bit, 0, 1), -ENOENT);
	assert_int_equal(touch(handle, 0, 100), 0);
}

/* Every stretch of a small buffer, and those that only arithmetic modulo 2^64 would let in. */
static void stretches_lie_within(void **state)
{
	static const __u64 far[] = { 1ULL << 32, 1ULL << 63, ~0ULL, ~0ULL - 1, ~0ULL - 8, ~0ULL - 31 };
	__u32 handle = fake_insert(f, 32, NULL);
	__u64 offset, size, i;

	(void)state;
	for (offset = 0; offset < 40; offset++)
		for (size = 0; size < 40; size++)
			assert_int_equal(touch(handle, offset, size),
					 offset + size <= 32 ? 0 : -ERANGE);
	for (i = 0; i < LENGTH(far); i++)
		for (offset = 0; offset < 40; offset++) {
			assert_int_equal(touch(handle, far[i], offset), -ERANGE);
			assert_int_equal(touch(handle, offset, far[i]), -ERANGE);
			assert_int_equal(touch(handle, far[i], -far[i]), -ERANGE);
			assert_int_equal(touch(handle, far[i], 32 - far[i]), -ERANGE);
		}
}

static void both_stretches_are_checked(void **state)
{
	__u32 a = fake_insert(f, 10, NULL), b = fake_insert(f, 20, NULL);
	unsigned int bad;

	(void)state;
	for (bad = 0; bad < 5; bad++) {
		struct millrace_sqe *sqe = fake_push(f, FAKE_PAIR, 1, bad);
		static const int status[] = { 0, -ENOENT, -ERANGE, -ENOENT, -ERANGE };

		sqe->param[0] = bad == 1 ? 7 : a;
		sqe->param[2] = bad == 2 ? 11 : 10;
		sqe->param[3] = bad == 3 ? 7 : b;
		sqe->param[5] = bad == 4 ? 21 : 20;
		fake_submit(f);
		fake_run();
		fake_expect(f, bad, status[bad]);
	}
}

static void references_are_given_back(void **state)
{
	unsigned int destroyed = 0, i;
	__u32 handle = fake_insert(f, 10, &destroyed);

	(void)state;
	for (i = 0; i < 100; i++)
		touch(handle, i % 20, 5);
	for (i = 0; i < 100; i++) {
		struct millrace_sqe *sqe = fake_push(f, FAKE_PAIR, 1, 0);

		sqe->param[0] = handle;
		sqe->param[2] = 5;
		sqe->param[3] = i % 2 ? handle : 99;
		fake_submit(f);
		fake_run();
		fake_take_all(f);
	}
	assert_int_equal(destroyed, 0);
	assert_int_equal(millrace_buffer_remove(&f->session.buffers, handle), 0);
	assert_int_equal(destroyed, 1);
	assert_int_equal(millrace_buffer_remove(&f->session.buffers, handle), -ENOENT);
	assert_int_equal(touch(handle, 0, 1), -ENOENT);
}

static __u32 victim;

static void free_in_the_middle(struct millrace_cmd *cmd)
{
	if (cmd->op->spans && victim) {
		assert_int_equal(millrace_buffer_remove(&f->session.buffers, victim), 0);
		victim = 0;
	}
}

/* Freed while the driver uses it: the touch afterwards must still find memory (ASAN looks on). */
static void memory_outlives_its_handle_while_in_use(void **state)
{
	unsigned int destroyed = 0;

	(void)state;
	victim = fake_insert(f, 4096, &destroyed);
	fake_hook = free_in_the_middle;
	assert_int_equal(touch(victim, 0, 4096), 0);
	assert_int_equal(destroyed, 1);
}

static __u32 tail_when_destroyed;
static char lent[64];

static void note_tail(struct millrace_buffer *b)
{
	(void)b; /* the test's own memory */
	tail_when_destroyed = f->session.driver->cq_tail.value;
}

static struct millrace_cmd *held;

static int touch_later(struct millrace_cmd *cmd)
{
	held = cmd;
	return MILLRACE_LATER;
}

/* Whoever sees the completion of the last command that used a buffer has its memory back. */
static void memory_is_back_when_the_completion_is_seen(void **state)
{
	struct millrace_buffer b = { .data = lent, .size = sizeof(lent), .destroy = note_tail };
	__u32 before;
	int n;

	(void)state;
	for (n = 0; n < 4; n++) {
		struct millrace_sqe *sqe = fake_push(f, FAKE_TOUCH, n == 1 ? 2 : 1, n);

		millrace_refs_init(&b.refs);
		assert_int_equal(millrace_buffer_insert(&f->session.buffers, &b, &victim), 0);
		sqe->param[0] = victim;
		sqe->param[2] = sizeof(lent);
		if (n == 1) /* the longer path, of groups */
			fake_push(f, FAKE_NOP, 0, n);
		tail_when_destroyed = 0;
		before = f->session.driver->cq_tail.value;
		fake_hook = free_in_the_middle;
		if (n >= 2) {
			fake_driver.execute = touch_later;
			fake_submit(f);
			fake_run();
			assert_int_equal(millrace_buffer_remove(&f->session.buffers, victim), 0);
			assert_int_equal(tail_when_destroyed, 0);
			millrace_cmd_complete(held, 0);
		} else {
			fake_submit(f);
			fake_run();
		}
		assert_int_equal(tail_when_destroyed, before);
		fake_expect(f, n, 0);
		fake_take_all(f);
	}
}

static void table_is_bounded_and_counted(void **state)
{
	struct millrace_session_stats stats = { 0 };
	struct millrace_buffer *extra = fake_buffer(7, NULL);
	unsigned int destroyed = 0;
	__u32 handle[MAX], other, i;

	(void)state;
	for (i = 0; i < MAX; i++) {
		handle[i] = fake_insert(f, 100 + i, &destroyed);
		assert_in_range(handle[i], 1, MAX);
	}
	assert_int_equal(millrace_buffer_insert(&f->session.buffers, extra, &other), -ENOSPC);
	millrace_session_stats(&f->session, &stats);
	assert_int_equal(stats.buffers, MAX);
	assert_int_equal(stats.buffer_bytes, MAX * 100 + MAX * (MAX - 1) / 2);
	assert_int_equal(millrace_buffer_remove(&f->session.buffers, handle[3]), 0);
	assert_int_equal(millrace_buffer_insert(&f->session.buffers, extra, &other), 0);
	millrace_session_stats(&f->session, &stats);
	assert_int_equal(stats.buffers, MAX);
	/* what is left goes with the session */
	fake_close(f);
	f = NULL;
	assert_int_equal(destroyed, MAX);
}

#define test(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(handles_are_found_or_not),
		test(stretches_lie_within),
		test(both_stretches_are_checked),
		test(references_are_given_back),
		test(memory_outlives_its_handle_while_in_use),
		test(memory_is_back_when_the_completion_is_seen),
		test(table_is_bounded_and_counted),
	};

	return fake_main("buffer", tests, LENGTH(tests));
}
