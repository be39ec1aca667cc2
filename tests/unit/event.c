/* SPDX-License-Identifier: MIT */
/* Event indices: who is kicked when, against a model that counts in 64 bits. */
#include "fake_home.h"

/* The event at @event is passed by a tail that goes from @before to @now. */
static bool passed(__u64 event, __u64 before, __u64 now)
{
	return before <= event && event < now;
}

static void due_agrees_with_counters(void **state)
{
	static const __u64 bases[] = { MILLRACE_INDEX_START, 1ULL << 32, 0x17fffffff, 5ULL << 32 };
	__u64 b, event, before, now;

	(void)state;
	for (b = 0; b < LENGTH(bases); b++)
		for (event = bases[b] - 40; event < bases[b] + 40; event++)
			for (before = bases[b] - 20; before < bases[b] + 20; before++)
				for (now = before; now < before + 18; now++)
					assert_int_equal(millrace_event_due(event, before, now),
							 passed(event, before, now));
}

static void due_agrees_for_any_distance(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		__u64 before = (1ULL << 33) + (__u32)fake_random();
		__u64 now = before + fake_random() % 65536;
		/* anything within half of all indices, often close by */
		__s64 off = i % 2 ? (__s64)(fake_random() % 0x7fff0000) - 0x3fff0000 :
				    (__s64)(fake_random() % 65540) - 2;
		__u64 event = before + off;

		assert_int_equal(millrace_event_due(event, before, now),
				 passed(event, before, now));
	}
}

static void publishing_nothing_is_never_due(void **state)
{
	__u32 event;

	(void)state;
	for (event = 0xffffff00; event != 0x100; event++)
		assert_false(millrace_event_due(event, 7, 7));
}

static void disarmed_is_out_of_reach(void **state)
{
	__u32 shared = 0, i;

	(void)state;
	for (i = 0; i < 0x20000; i += 17) {
		__u32 index = 0xffff0000 + i;

		millrace_event_disarm(&shared, index);
		assert_false(millrace_event_due(shared, index, index + 32768));
		assert_false(millrace_event_due(shared, index - 32768, index + 32768));
		millrace_event_arm(&shared, index);
		assert_true(millrace_event_due(shared, index, index + 1));
		assert_false(millrace_event_due(shared, index - 1, index));
		assert_false(millrace_event_due(shared, index + 1, index + 2));
	}
}

/* The client asks for the n-th completion: one wake-up, when that one comes, however they come. */
static void client_is_woken_once_for_the_one_it_asked_for(void **state)
{
	struct fake_session *f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	__u32 ask, i, round;

	(void)state;
	for (round = 0; round < 4; round++)
		for (ask = 1; ask <= 16; ask++) {
			f->wakes = 0;
			millrace_event_arm(&f->session.client->cq_event.value, f->cq.head + ask - 1);
			for (i = 1; i <= 16; i++) {
				fake_push_group(f, 1, i);
				fake_submit(f);
				fake_run();
				assert_int_equal(f->wakes, i >= ask);
			}
			assert_int_equal(fake_take_all(f), 16);
		}
	/* One batch that goes far beyond what was asked for. */
	f->wakes = 0;
	millrace_event_arm(&f->session.client->cq_event.value, f->cq.head + 3);
	fake_push_group(f, 16, 0);
	fake_submit(f);
	fake_run();
	assert_int_equal(f->wakes, 1);
	assert_int_equal(f->session.count.wakeups, 4 * 16 + 1);
	fake_close(f);
}

static void client_that_did_not_ask_is_not_woken(void **state)
{
	struct fake_session *f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	__u32 i;

	(void)state;
	for (i = 0; i < 100; i++) {
		fake_push_group(f, 1, i);
		fake_submit(f);
		fake_run();
		fake_expect(f, i, 0);
	}
	assert_int_equal(f->wakes, 0);
	fake_close(f);
}

/* Kicks are asked for when the session has cooled, once, and never while it waits or is polled. */
static void home_is_kicked_only_when_it_asked(void **state)
{
	struct fake_session *f = fake_open(16, 16, MILLRACE_POLL_NEVER);
	struct fake_session *hot = fake_open(16, 16, 100);
	__u32 i;

	(void)state;
	for (i = 0; i < 50; i++) {
		fake_push_group(f, 1, i);
		assert_true(fake_submit(f));
		fake_push_group(f, 1, i);
		assert_false(fake_submit(f));
		fake_run();
		assert_int_equal(fake_take_all(f), 2);
	}
	fake_push_group(hot, 1, 0);
	assert_true(fake_submit(hot));
	fake_run();
	for (i = 0; i < 50; i++) {
		fake_push_group(hot, 1, i);
		assert_false(fake_submit(hot));
		assert_int_equal(fake_run(), 1);
		fake_take_all(hot);
	}
	assert_int_equal(hot->session.count.kicks, 1);
	assert_int_equal(f->session.count.kicks, 50);
	fake_close(f);
	fake_close(hot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(due_agrees_with_counters),
		fake_test(due_agrees_for_any_distance),
		fake_test(publishing_nothing_is_never_due),
		fake_test(disarmed_is_out_of_reach),
		fake_test(client_is_woken_once_for_the_one_it_asked_for),
		fake_test(client_that_did_not_ask_is_not_woken),
		fake_test(home_is_kicked_only_when_it_asked),
	};

	return fake_main("event", tests, LENGTH(tests));
}
