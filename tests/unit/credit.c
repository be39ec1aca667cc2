/* SPDX-License-Identifier: MIT */
/* Credits and back-pressure: the CQ never overflows, a client without room is waited for. */
#include "fake_home.h"

static __u32 taken(const struct fake_session *f)
{
	return f->session.driver->sq_head.value - MILLRACE_INDEX_START;
}

/* A client that sends more than its CQ holds, and takes nothing. */
static void cq_never_overflows(void **state)
{
	struct fake_session *f = fake_open(64, 8, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		fake_push_group(f, 1, i);
	fake_submit(f);
	fake_run();
	assert_int_equal(taken(f), 8);
	assert_int_equal(f->session.driver->cq_tail.value - MILLRACE_INDEX_START, 8);
	assert_int_equal(f->session.count.stalls, 1);
	/* The rest comes, in order, as room is made and the client says so. */
	for (i = 0; i < 64; i++) {
		fake_expect(f, i, 0);
		fake_kick(f);
		fake_run();
		assert_int_equal(taken(f), i + 9 < 64 ? i + 9 : 64);
	}
	fake_expect_none(f);
	fake_close(f);
}

/* The client can see completions of its group before others run out of room: no half of a group. */
static void group_waits_for_room_for_all_of_it(void **state)
{
	struct fake_session *f = fake_open(16, 8, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	fake_push_group(f, 6, 0);
	fake_push_group(f, 3, 100);
	fake_submit(f);
	fake_run();
	assert_int_equal(taken(f), 6);
	fake_expect(f, 0, 0);
	fake_kick(f);
	fake_run();
	assert_int_equal(taken(f), 9);
	for (i = 1; i < 6; i++)
		fake_expect(f, i, 0);
	for (i = 100; i < 103; i++)
		fake_expect(f, i, 0);
	fake_close(f);
}

/* Room is counted for commands on their way, too. */
static void commands_on_their_way_hold_credits(void **state)
{
	struct fake_session *f = fake_open(16, 4, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++)
		fake_push(f, FAKE_LATER, 1, i)->param[0] = i;
	fake_submit(f);
	fake_run();
	assert_int_equal(fake_out_count, 4);
	fake_complete(2, 0);
	fake_kick(f);
	fake_run();
	assert_int_equal(fake_out_count, 3); /* completed is not room: it must be taken */
	fake_expect(f, 2, 0);
	fake_kick(f);
	fake_run();
	assert_int_equal(fake_out_count, 4);
	while (fake_out_count)
		fake_complete(0, 0);
	assert_int_equal(fake_take_all(f), 4);
	fake_kick(f);
	fake_run();
	assert_int_equal(fake_out_count, 1);
	fake_close(f);
}

/* A client that keeps the contract (uapi/millrace.h) is never stalled, so it never needs that kick. */
static void contract_means_no_stall(void **state)
{
	struct fake_session *f = fake_open(32, 8, MILLRACE_POLL_NEVER);
	unsigned int round, sent = 0, got = 0;

	(void)state;
	for (round = 0; round < 20000; round++) {
		__u32 n = 1 + fake_random() % 8;

		if (fake_random() % 2 && f->sq.tail + n - f->cq.head <= 8) {
			fake_push_group(f, n, sent);
			sent += n;
			fake_submit(f);
		}
		if (fake_random() % 2)
			millrace_sched_run(&fake_device);
		for (n = fake_random() % 4; n--;) {
			const struct millrace_cqe *cqe = fake_take(f);

			if (cqe)
				assert_int_equal(cqe->user_data, got++);
		}
	}
	fake_run();
	got += fake_take_all(f);
	assert_int_equal(got, sent);
	assert_true(sent > 10000);
	assert_int_equal(f->session.count.stalls, 0);
	fake_close(f);
}

/* A stalled session costs the others nothing. */
static void stalled_session_leaves_the_queue(void **state)
{
	struct fake_session *stalled = fake_open(8, 1, 100);
	struct fake_session *other = fake_open(8, 8, MILLRACE_POLL_NEVER);
	__u64 turns;
	unsigned int i;

	(void)state;
	/* It is being polled when it runs out of room. */
	fake_push_group(stalled, 1, 0);
	fake_submit(stalled);
	fake_run();
	fake_expect(stalled, 0, 0);
	assert_int_equal(fake_device.sched.hot_count, 1);
	for (i = 0; i < 8; i++)
		fake_push_group(stalled, 1, i);
	assert_false(fake_publish(stalled));
	fake_run();
	turns = stalled->session.count.turns;
	for (i = 0; i < 100; i++) {
		fake_push_group(other, 1, i);
		fake_submit(other);
		fake_run();
		fake_expect(other, i, 0);
	}
	assert_int_equal(stalled->session.count.turns, turns);
	assert_int_equal(fake_device.sched.hot_count, 0);
	assert_true(millrace_sched_settle(&fake_device));
	for (i = 0; i < 8; i++) {
		fake_expect(stalled, i, 0);
		fake_kick(stalled);
		fake_run();
	}
	fake_expect_none(stalled);
	fake_close(stalled);
	fake_close(other);
}

static void cq_head_that_lies_ends_the_session(void **state)
{
	static const __u32 lies[] = { 1, 2, 100, 0x7fffffff, 0x80000000, -1U, -3U };
	unsigned int i, k;

	(void)state;
	for (i = 0; i < LENGTH(lies); i++) {
		struct fake_session *f = fake_open(8, 2, MILLRACE_POLL_NEVER);

		for (k = 0; k < 3; k++)
			fake_push_group(f, 1, k);
		fake_submit(f);
		fake_run();
		assert_int_equal(f->session.count.stalls, 1);
		/* beyond what was published, or back */
		f->session.client->cq_head.value = f->session.driver->cq_tail.value + lies[i];
		if (lies[i] > 0x80000000)
			f->session.client->cq_head.value = MILLRACE_INDEX_START + lies[i];
		fake_kick(f);
		fake_run();
		assert_int_equal(f->session.driver->error.value, MILLRACE_ERROR_CQ_HEAD);
		assert_int_equal(millrace_session_errno(&f->session), -EPROTO);
		assert_int_equal(taken(f), 2);
		/* what is there can still be taken */
		fake_expect(f, 0, 0);
		fake_expect(f, 1, 0);
		fake_close(f);
	}
}

static void sq_tail_that_lies_ends_the_session(void **state)
{
	static const __u32 lies[] = { 9, 10, 100, 0x7fffffff, 0x80000000, -1U, -2U, -100U };
	unsigned int i;

	(void)state;
	for (i = 0; i < LENGTH(lies); i++) {
		struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);
		struct fake_session *other = fake_open(8, 8, MILLRACE_POLL_NEVER);

		fake_push_group(f, 2, 7);
		fake_submit(f);
		fake_run();
		f->session.client->sq_tail.value = MILLRACE_INDEX_START + 2 + lies[i];
		fake_kick(f);
		fake_run();
		assert_int_equal(f->session.driver->error.value, MILLRACE_ERROR_SQ_TAIL);
		assert_int_equal(f->wakes, 1);
		assert_int_equal(taken(f), 2);
		fake_expect(f, 7, 0);
		fake_expect(f, 8, 0);
		/* and nobody else's */
		fake_push_group(other, 1, 1);
		fake_submit(other);
		fake_run();
		fake_expect(other, 1, 0);
		fake_close(f);
		fake_close(other);
	}
}

static void rings_of_one_entry_work(void **state)
{
	struct fake_session *f = fake_open(1, 1, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		fake_push_group(f, 1, i);
		assert_true(fake_submit(f));
		fake_run();
		fake_expect(f, i, 0);
	}
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(cq_never_overflows),
		fake_test(group_waits_for_room_for_all_of_it),
		fake_test(commands_on_their_way_hold_credits),
		fake_test(contract_means_no_stall),
		fake_test(stalled_session_leaves_the_queue),
		fake_test(cq_head_that_lies_ends_the_session),
		fake_test(sq_tail_that_lies_ends_the_session),
		fake_test(rings_of_one_entry_work),
	};

	return fake_main("credit", tests, LENGTH(tests));
}
