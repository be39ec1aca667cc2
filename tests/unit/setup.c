/* SPDX-License-Identifier: MIT */
/* Set-up of a queue pair: every field that can be wrong, and a session that ends around it. */
#include "fake_home.h"

static const struct millrace_setup good = {
	.abi = MILLRACE_ABI,
	.sq_entries = 8,
	.cq_entries = 16,
};

static struct fake_session bare;

static int start(void **state)
{
	int err = fake_start(state);

	memset(&bare, 0, sizeof(bare));
	return err ?: millrace_session_init(&bare.session, &fake_device);
}

static int stop(void **state)
{
	millrace_session_exit(&bare.session);
	return fake_stop(state);
}

static int try(struct millrace_setup setup)
{
	return millrace_session_setup(&bare.session, &setup);
}

#define with(...) try(({ struct millrace_setup s = good; __VA_ARGS__; s; }))

static void answers_say_where_everything_is(void **state)
{
	struct millrace_setup s = good;

	(void)state;
	assert_int_equal(millrace_session_setup(&bare.session, &s), 0);
	assert_int_equal(s.sqe_size, fake_device.sqe_size);
	assert_int_equal(s.cqe_size, fake_device.cqe_size);
	assert_true(s.sqe_offset >= sizeof(struct millrace_client_area));
	assert_true(s.cqe_offset >= sizeof(struct millrace_driver_area));
	assert_int_equal(s.sqe_offset % 64, 0);
	assert_true(s.client_size >= s.sqe_offset + 8 * s.sqe_size);
	assert_true(s.driver_size >= s.cqe_offset + 16 * s.cqe_size);
	assert_int_equal(s.client_size % millrace_page_size(), 0);
	assert_int_equal(s.driver_size % millrace_page_size(), 0);
	assert_int_equal(s.max_group, 8);
}

static void cq_entries_default_to_the_sq(void **state)
{
	struct millrace_setup s = good;

	(void)state;
	s.cq_entries = 0;
	assert_int_equal(millrace_session_setup(&bare.session, &s), 0);
	assert_int_equal(s.cq_entries, 8);
}

static void sizes_that_are_wrong(void **state)
{
	__u32 n;

	(void)state;
	for (n = 0; n <= 2 * fake_device.max_entries + 1; n++) {
		bool valid = n && n <= fake_device.max_entries && !(n & (n - 1));

		assert_int_equal(with(s.sq_entries = n), valid ? 0 : -EINVAL);
		assert_int_equal(with(s.cq_entries = n), valid || !n ? 0 : -EINVAL);
	}
	assert_int_equal(with(s.sq_entries = 0x80000000), -EINVAL);
	assert_int_equal(with(s.cq_entries = 0x80000000), -EINVAL);
	assert_int_equal(with(s.cq_entries = ~0U), -EINVAL);
}

static void fields_that_are_wrong(void **state)
{
	unsigned int bit;

	(void)state;
	assert_int_equal(with(s.abi = 0), -EINVAL);
	assert_int_equal(with(s.abi = MILLRACE_ABI + 1), -EINVAL);
	for (bit = 0; bit < 32; bit++) {
		assert_int_equal(with(s.flags = 1U << bit), -EINVAL);
		assert_int_equal(with(s.sqe_size = 1U << bit), -EINVAL);
		assert_int_equal(with(s.cqe_size = 1U << bit), -EINVAL);
		assert_int_equal(with(s.sqe_offset = 1U << bit), -EINVAL);
		assert_int_equal(with(s.cqe_offset = 1U << bit), -EINVAL);
		assert_int_equal(with(s.max_group = 1U << bit), -EINVAL);
		assert_int_equal(with(s.reserved[0] = 1U << bit), -EINVAL);
		assert_int_equal(with(s.reserved[1] = 1U << bit), -EINVAL);
		assert_int_equal(with(s.reserved[2] = 1U << bit), -EINVAL);
		assert_int_equal(with(s.reserved[3] = 1U << bit), -EINVAL);
	}
	for (bit = 0; bit < 64; bit++) {
		assert_int_equal(with(s.client_size = 1ULL << bit), -EINVAL);
		assert_int_equal(with(s.driver_size = 1ULL << bit), -EINVAL);
		assert_int_equal(with(s.client_offset = 1ULL << bit), -EINVAL);
		assert_int_equal(with(s.driver_offset = 1ULL << bit), -EINVAL);
	}
	assert_int_equal(try(good), 0);
}

static void poll_times_that_are_wrong(void **state)
{
	(void)state;
	assert_int_equal(with(s.poll_us = 1), 0);
	assert_int_equal(with(s.poll_us = fake_device.max_poll_us), 0);
	assert_int_equal(with(s.poll_us = fake_device.max_poll_us + 1), -EINVAL);
	assert_int_equal(with(s.poll_us = MILLRACE_POLL_NEVER - 1), -EINVAL);
	assert_int_equal(with(s.poll_us = MILLRACE_POLL_NEVER), 0);
	assert_int_equal(with(s.poll_us = MILLRACE_POLL_ADAPTIVE), 0);
}

static void only_once(void **state)
{
	struct fake_session *f = fake_open(8, 8, 0);
	struct millrace_setup s = good;

	(void)state;
	assert_int_equal(millrace_session_setup(&f->session, &s), -EBUSY);
	fake_close(f);
}

/* A device may go while a client is between set-up and its first command: it must hear of it. */
static void end_before_start_is_seen_after_it(void **state)
{
	static struct fake_session f;
	void *client_area, *driver_area;

	(void)state;
	memset(&f, 0, sizeof(f));
	f.setup = good;
	assert_int_equal(millrace_session_init(&f.session, &fake_device), 0);
	assert_int_equal(millrace_session_setup(&f.session, &f.setup), 0);
	millrace_session_end(&f.session, MILLRACE_ERROR_GONE);
	assert_int_equal(millrace_session_errno(&f.session), -ENODEV);
	client_area = calloc(1, f.setup.client_size);
	driver_area = calloc(1, f.setup.driver_size);
	assert_int_equal(
		millrace_session_start(&f.session, &f.setup, client_area, driver_area), 0);
	assert_int_equal(f.session.driver->error.value, MILLRACE_ERROR_GONE);
	assert_true(f.wakes > 0);
	millrace_session_exit(&f.session);
	free(client_area);
	free(driver_area);
}

static void first_error_stays(void **state)
{
	struct fake_session *f = fake_open(8, 8, 0);

	(void)state;
	millrace_session_end(&f->session, MILLRACE_ERROR_GONE);
	millrace_session_end(&f->session, MILLRACE_ERROR_GROUP);
	assert_int_equal(f->session.driver->error.value, MILLRACE_ERROR_GONE);
	assert_int_equal(millrace_session_errno(&f->session), -ENODEV);
	assert_int_equal(f->wakes, 1);
	fake_close(f);
}

#define test(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(answers_say_where_everything_is),
		test(cq_entries_default_to_the_sq),
		test(sizes_that_are_wrong),
		test(fields_that_are_wrong),
		test(poll_times_that_are_wrong),
		test(only_once),
		test(end_before_start_is_seen_after_it),
		test(first_error_stays),
	};

	return fake_main("setup", tests, LENGTH(tests));
}
