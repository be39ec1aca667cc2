/* SPDX-License-Identifier: MIT */
/* Groups: admitted whole or not at all, run without a gap, refused when their length is a lie. */
#include "fake_home.h"

/* Submits what was pushed, and the session must have ended because of it. */
static void expect_end(struct fake_session *f, enum millrace_error error)
{
	unsigned int wakes = f->wakes;

	fake_submit(f);
	fake_kick(f);
	fake_run();
	assert_int_equal(f->session.driver->error.value, error);
	assert_int_equal(millrace_session_errno(&f->session), -EPROTO);
	assert_int_equal(f->wakes, wakes + 1);
	fake_expect_none(f);
	/* for good: later commands are not run, later kicks are harmless */
	fake_push_group(f, 1, 0);
	fake_submit(f);
	fake_kick(f);
	fake_run();
	fake_expect_none(f);
	assert_int_equal(fake_logged, 0);
	assert_int_equal(f->wakes, wakes + 1);
}

static void every_length_runs(void **state)
{
	struct fake_session *f = fake_open(64, 64, MILLRACE_POLL_NEVER);
	unsigned int round, n, i;

	(void)state;
	for (round = 0; round < 3; round++)
		for (n = 1; n <= 64; n++) {
			fake_push_group(f, n, 1000 * n);
			fake_submit(f);
			fake_run();
			for (i = 0; i < n; i++)
				fake_expect(f, 1000 * n + i, 0);
			fake_expect_none(f);
		}
	assert_int_equal(f->session.count.groups, 3 * 64);
	assert_int_equal(f->session.count.commands, 3 * 64 * 65 / 2);
	fake_close(f);
}

/* One malformed command at each place of a group: its errno, -ECANCELED for the rest, none runs. */
static void malformed_group_is_refused_whole(void **state)
{
	struct fake_session *f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	unsigned int n, bad, i;

	(void)state;
	for (n = 1; n <= 8; n++)
		for (bad = 0; bad < n; bad++) {
			for (i = 0; i < n; i++)
				fake_push(f, i == bad ? 77 : FAKE_ADD, i ? 0 : n, i);
			fake_submit(f);
			fake_run();
			for (i = 0; i < n; i++) {
				const struct millrace_cqe *cqe = fake_take(f);

				assert_int_equal(cqe->user_data, i);
				assert_int_equal(cqe->status,
						 i == bad ? -EOPNOTSUPP : -ECANCELED);
				assert_int_equal(cqe->output[0], 0);
			}
		}
	assert_int_equal(fake_logged, 0);
	/* and the session goes on */
	fake_push_group(f, 2, 5);
	fake_submit(f);
	fake_run();
	fake_expect(f, 5, 0);
	fake_expect(f, 6, 0);
	fake_close(f);
}

static void two_offenders_have_each_its_own_errno(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 4, 1);
	fake_push(f, 77, 0, 2);
	fake_push(f, FAKE_NOP, 0, 3)->flags = 1;
	fake_push(f, FAKE_NOP, 0, 4);
	fake_submit(f);
	fake_run();
	fake_expect(f, 1, -ECANCELED);
	fake_expect(f, 2, -EOPNOTSUPP);
	fake_expect(f, 3, -EINVAL);
	fake_expect(f, 4, -ECANCELED);
	assert_int_equal(fake_logged, 0);
	fake_close(f);
}

/* A command that fails when it runs is no reason not to run the others. */
static void failing_command_does_not_cancel_its_group(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 3, 1);
	fake_push(f, FAKE_FAIL, 0, 2)->param[0] = EIO;
	fake_push(f, FAKE_NOP, 0, 3);
	fake_submit(f);
	fake_run();
	fake_expect(f, 1, 0);
	fake_expect(f, 2, -EIO);
	fake_expect(f, 3, 0);
	fake_close(f);
}

static void length_inside_a_group_is_malformed(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 2, 1);
	fake_push(f, FAKE_NOP, 1, 2);
	fake_submit(f);
	fake_run();
	fake_expect(f, 1, -ECANCELED);
	fake_expect(f, 2, -EINVAL);
	fake_close(f);
}

static void length_zero_ends_the_session(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 0, 1);
	expect_end(f, MILLRACE_ERROR_GROUP);
	fake_close(f);
}

static void longer_than_published_ends_the_session(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 3, 1);
	fake_push(f, FAKE_NOP, 0, 2);
	expect_end(f, MILLRACE_ERROR_GROUP);
	fake_close(f);
}

static void longer_than_allowed_ends_the_session(void **state)
{
	struct fake_session *f;

	(void)state;
	fake_device.max_group = 4;
	f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	assert_int_equal(f->setup.max_group, 4);
	fake_push_group(f, 5, 0);
	expect_end(f, MILLRACE_ERROR_GROUP);
	fake_close(f);
}

static void longer_than_the_cq_ends_the_session(void **state)
{
	struct fake_session *f = fake_open(8, 4, MILLRACE_POLL_NEVER);

	(void)state;
	assert_int_equal(f->setup.max_group, 4);
	fake_push_group(f, 5, 0);
	expect_end(f, MILLRACE_ERROR_GROUP);
	fake_close(f);
}

static void longest_number_ends_the_session(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push(f, FAKE_NOP, 65535, 1);
	expect_end(f, MILLRACE_ERROR_GROUP);
	fake_close(f);
}

/*
 * A client may give up once it sees an error and an empty CQ: what completed before must be there by
 * then, also when both came of the same turn.
 */
static void completions_are_seen_before_the_error(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	fake_push_group(f, 2, 1);
	fake_push(f, FAKE_NOP, 9, 3);
	fake_submit(f);
	fake_run();
	assert_int_equal(f->wakes, 1);
	assert_int_equal(f->tail_when_woken, MILLRACE_INDEX_START + 2);
	fake_close(f);
}

/* Sessions with groups of random length, many turns: in what ran no group has a gap. */
static void groups_are_never_interleaved(void **state)
{
	struct fake_session *f[4];
	__u32 sent[4] = { 0 };
	unsigned int i, round;

	(void)state;
	for (i = 0; i < 4; i++)
		f[i] = fake_open(64, 64, i % 2 ? 100 : MILLRACE_POLL_NEVER);
	for (round = 0; round < 6000; round++) {
		unsigned int who = fake_random() % 4, n = 1 + fake_random() % 16;

		fake_take_all(f[who]);
		if (millrace_producer_reserve(&f[who]->sq, n) == 0 &&
		    f[who]->sq.tail + n - f[who]->cq.head <= 64) {
			/* tag: client, group, length, place in it */
			for (i = 0; i < n; i++)
				fake_push(f[who], FAKE_NOP, i ? 0 : n, i)->param[0] =
					(__u64)who << 48 | (__u64)sent[who] << 16 | n << 8 | i;
			sent[who]++;
			fake_submit(f[who]);
		}
		if (fake_random() % 3)
			millrace_sched_run(&fake_device);
	}
	fake_run();
	for (i = 0; i < fake_logged;) {
		unsigned int n = fake_log[i].tag >> 8 & 0xff, j;

		for (j = 0; j < n; j++)
			assert_int_equal(fake_log[i + j].tag, fake_log[i].tag + j);
		i += n;
	}
	assert_true(fake_logged > 5000 && fake_logged < FAKE_LOG);
	for (i = 0; i < 4; i++)
		fake_close(f[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(every_length_runs),
		fake_test(malformed_group_is_refused_whole),
		fake_test(two_offenders_have_each_its_own_errno),
		fake_test(failing_command_does_not_cancel_its_group),
		fake_test(length_inside_a_group_is_malformed),
		fake_test(length_zero_ends_the_session),
		fake_test(longer_than_published_ends_the_session),
		fake_test(longer_than_allowed_ends_the_session),
		fake_test(longer_than_the_cq_ends_the_session),
		fake_test(longest_number_ends_the_session),
		fake_test(completions_are_seen_before_the_error),
		fake_test(groups_are_never_interleaved),
	};

	return fake_main("group", tests, LENGTH(tests));
}
