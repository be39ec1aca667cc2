/* SPDX-License-Identifier: MIT */
/* The scheduler: the order of kicks, turns, polled sessions and their windows, inline runs. */
#include "fake_home.h"

#define MANY 40
static struct fake_session *f[MANY];

static void open_all(unsigned int n, __u32 poll_us)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		f[i] = fake_open(16, 16, poll_us);
}

static void close_all(unsigned int n)
{
	while (n--)
		fake_close(f[n]);
}

static void served(unsigned int at, struct fake_session *who)
{
	assert_true(at < fake_logged);
	assert_ptr_equal(fake_log[at].session, &who->session);
}

/* ---- The FIFO -------------------------------------------------------------------------------- */

static void in_the_order_of_kicks(void **state)
{
	unsigned int round, i, order[MANY];

	(void)state;
	open_all(MANY, MILLRACE_POLL_NEVER);
	for (round = 0; round < 50; round++) {
		fake_logged = 0;
		for (i = 0; i < MANY; i++)
			order[i] = i;
		for (i = MANY - 1; i > 0; i--) {
			unsigned int j = fake_random() % (i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (i = 0; i < MANY; i++) {
			fake_push_group(f[order[i]], 1, i);
			assert_true(fake_submit(f[order[i]]));
			if (fake_random() % 4 == 0) /* the worker may come at any time */
				millrace_sched_run(&fake_device);
		}
		fake_run();
		for (i = 0; i < MANY; i++) {
			served(i, f[order[i]]);
			fake_take_all(f[order[i]]);
		}
	}
	close_all(MANY);
}

static void each_at_most_once(void **state)
{
	unsigned int i;

	(void)state;
	open_all(3, MILLRACE_POLL_NEVER);
	for (i = 0; i < 3; i++) {
		fake_push_group(f[i], 1, i);
		fake_publish(f[i]);
	}
	assert_true(fake_kick(f[0]));
	for (i = 0; i < 100; i++)
		assert_false(fake_kick(f[0]));
	assert_true(fake_kick(f[1]));
	assert_false(fake_kick(f[0]));
	assert_true(fake_kick(f[2]));
	assert_int_equal(fake_run(), 3);
	assert_int_equal(fake_logged, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(f[i]->session.count.kicks, 1);
	/* a kick while it stands in the FIFO does not put it there again */
	for (i = 0; i < 3; i++) {
		fake_push_group(f[i], 2, i);
		fake_push_group(f[i], 2, i);
		fake_submit(f[i]);
	}
	millrace_sched_run(&fake_device);
	for (i = 0; i < 3; i++)
		fake_kick(f[i]);
	fake_logged = 0;
	fake_run();
	assert_int_equal(fake_logged, 10);
	assert_int_equal(fake_device.sched.ready, 0);
	close_all(3);
}

static void one_group_a_turn_while_others_wait(void **state)
{
	unsigned int i;

	(void)state;
	open_all(3, MILLRACE_POLL_NEVER);
	for (i = 0; i < 12; i++)
		fake_push_group(f[i % 3], 1, i);
	for (i = 0; i < 3; i++)
		fake_submit(f[i]);
	fake_run();
	for (i = 0; i < 12; i++)
		served(i, f[i % 3]);
	close_all(3);
}

static struct fake_session *late;

static void kick_in_the_middle(struct millrace_cmd *cmd)
{
	if (late && cmd->session == &f[0]->session && cmd->param[0] == 0) {
		fake_push_group(late, 1, 77);
		fake_submit(late);
		late = NULL;
	}
}

/* Who kicks during another's turn comes before that one's next turn. */
static void kick_during_a_turn_comes_before_the_next(void **state)
{
	(void)state;
	open_all(2, MILLRACE_POLL_NEVER);
	late = f[1];
	fake_hook = kick_in_the_middle;
	fake_push_group(f[0], 1, 0);
	fake_push_group(f[0], 1, 1);
	fake_push_group(f[0], 1, 2);
	fake_submit(f[0]);
	fake_run();
	served(0, f[0]);
	served(1, f[1]);
	served(2, f[0]);
	close_all(2);
}

static void turn_of_one_alone_is_bounded(void **state)
{
	struct fake_session *big = fake_open(1024, 1024, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		fake_push_group(big, 1, i);
	fake_submit(big);
	assert_true(millrace_sched_run(&fake_device));
	assert_int_equal(fake_logged, MILLRACE_TURN_MAX);
	fake_run();
	assert_int_equal(big->session.count.turns, 4);
	fake_close(big);
}

static void nobody_ready_is_no_turn(void **state)
{
	(void)state;
	open_all(1, MILLRACE_POLL_NEVER);
	assert_false(millrace_sched_run(&fake_device));
	assert_true(millrace_sched_settle(&fake_device));
	assert_false(millrace_sched_waiting(&fake_device));
	fake_kick(f[0]); /* for nothing */
	assert_true(millrace_sched_waiting(&fake_device));
	assert_false(millrace_sched_settle(&fake_device));
	assert_true(millrace_sched_run(&fake_device));
	assert_false(millrace_sched_run(&fake_device));
	close_all(1);
}

/* ---- Taking a session out -------------------------------------------------------------------- */

static void remove_wherever_it_stands(void **state)
{
	unsigned int place, i;

	(void)state;
	for (place = 0; place < 3; place++) {
		fake_logged = 0;
		open_all(3, MILLRACE_POLL_NEVER);
		for (i = 0; i < 3; i++) {
			fake_push_group(f[i], 1, 0);
			fake_push_group(f[i], 1, 1);
			fake_submit(f[i]);
		}
		millrace_sched_run(&fake_device); /* 1, 2, 0 stand in the FIFO now */
		fake_close(f[place]);
		fake_run();
		for (i = 1; i < fake_logged; i++)
			assert_ptr_not_equal(fake_log[i].session, &f[place]->session);
		assert_int_equal(fake_logged, place ? 4 : 5);
		/* the end of the FIFO is intact: others can still be appended */
		i = (place + 1) % 3;
		fake_take_all(f[i]);
		fake_push_group(f[i], 1, 9);
		fake_submit(f[i]);
		fake_run();
		fake_expect(f[i], 9, 0);
		fake_close(f[i]);
		fake_close(f[(place + 2) % 3]);
		assert_int_equal(fake_device.sched.ready, 0);
	}
}

static void remove_what_has_just_kicked(void **state)
{
	(void)state;
	open_all(3, MILLRACE_POLL_NEVER);
	fake_push_group(f[0], 1, 0);
	fake_submit(f[0]);
	fake_kick(f[1]);
	fake_push_group(f[2], 1, 2);
	fake_submit(f[2]);
	fake_close(f[1]);
	assert_int_equal(fake_run(), 2);
	served(0, f[0]);
	served(1, f[2]);
	fake_close(f[0]);
	fake_close(f[2]);
}

static void remove_what_is_polled(void **state)
{
	unsigned int i;

	(void)state;
	open_all(5, 100);
	for (i = 0; i < 5; i++) {
		fake_push_group(f[i], 1, i);
		fake_submit(f[i]);
	}
	fake_run();
	assert_int_equal(fake_device.sched.hot_count, 5);
	fake_close(f[2]);
	fake_close(f[4]);
	assert_int_equal(fake_device.sched.hot_count, 3);
	fake_logged = 0;
	for (i = 0; i < 5; i++)
		if (i != 2 && i != 4) {
			fake_push_group(f[i], 1, i);
			assert_false(fake_submit(f[i]));
		}
	fake_run();
	assert_int_equal(fake_logged, 3);
	fake_close(f[0]);
	fake_close(f[1]);
	fake_close(f[3]);
	assert_int_equal(fake_device.sched.hot_count, 0);
}

/* ---- Polled sessions -------------------------------------------------------------------------- */

/* Lets time pass, in a worker that keeps looking. Whether it may sleep at the end. */
static bool idle_for(__u64 us)
{
	__u64 end = fake_now + us * 1000;
	bool settled = false;

	while (fake_now < end) {
		fake_now += 100;
		assert_false(millrace_sched_run(&fake_device));
		settled = millrace_sched_settle(&fake_device);
	}
	return settled;
}

static bool command(struct fake_session *s)
{
	bool kicked;

	fake_push_group(s, 1, 0);
	kicked = fake_submit(s);
	fake_run();
	fake_expect(s, 0, 0);
	return kicked;
}

static void window_that_was_asked_for(void **state)
{
	(void)state;
	open_all(1, 200);
	assert_true(command(f[0]));
	assert_false(idle_for(150));
	assert_false(command(f[0]));
	assert_false(idle_for(190));
	assert_int_equal(fake_device.sched.hot_count, 1);
	assert_true(idle_for(20));
	assert_int_equal(fake_device.sched.hot_count, 0);
	assert_true(command(f[0]));
	close_all(1);
}

static void never_means_never(void **state)
{
	unsigned int i;

	(void)state;
	open_all(1, MILLRACE_POLL_NEVER);
	for (i = 0; i < 100; i++) {
		assert_true(command(f[0]));
		assert_int_equal(fake_device.sched.hot_count, 0);
	}
	close_all(1);
}

/* The adaptive window opens when a kick comes soon, and closes step by step when they come late. */
static void window_adapts(void **state)
{
	unsigned int i;

	(void)state;
	open_all(1, MILLRACE_POLL_ADAPTIVE);
	assert_true(command(f[0])); /* the first: nothing is known */
	assert_int_equal(fake_device.sched.hot_count, 0);
	fake_now += MILLRACE_WINDOW_NS - 1;
	assert_true(command(f[0])); /* soon: polling would have paid */
	assert_int_equal(fake_device.sched.hot_count, 1);
	for (i = 0; i < 10; i++) {
		fake_now += MILLRACE_WINDOW_NS / 2;
		assert_false(command(f[0]));
	}
	for (i = 50; i >= 7; i /= 2) {
		assert_false(idle_for(i - 2 > 0 ? i - 5 : 1));
		assert_true(idle_for(10));
		fake_now += 10 * MILLRACE_WINDOW_NS;
		assert_true(command(f[0])); /* late: half as long from now on */
	}
	assert_true(idle_for(15));
	fake_now += 10 * MILLRACE_WINDOW_NS;
	assert_true(command(f[0]));
	assert_int_equal(fake_device.sched.hot_count, 0);
	fake_now += 1000;
	assert_true(command(f[0]));
	assert_int_equal(fake_device.sched.hot_count, 1);
	close_all(1);
}

static void at_most_so_many_are_polled(void **state)
{
	unsigned int i;

	(void)state;
	open_all(MANY, 100);
	for (i = 0; i < MANY; i++) {
		assert_true(command(f[i]));
		assert_int_equal(fake_device.sched.hot_count,
				 i < MILLRACE_HOT_MAX ? i + 1 : MILLRACE_HOT_MAX);
	}
	for (i = 0; i < MANY; i++)
		assert_int_equal(command(f[i]), i >= MILLRACE_HOT_MAX);
	assert_true(idle_for(130));
	for (i = 0; i < MANY; i++)
		assert_true(command(f[MANY - 1 - i]));
	close_all(MANY);
}

/* Windows are also checked while there is always somebody to serve. */
static void polled_session_cools_behind_a_busy_one(void **state)
{
	unsigned int i;

	(void)state;
	open_all(2, 100);
	command(f[1]);
	command(f[0]);
	for (i = 0; i < 4000; i++) {
		fake_now += 100;
		fake_push_group(f[0], 1, i);
		fake_submit(f[0]);
		millrace_sched_run(&fake_device);
		fake_take_all(f[0]);
	}
	assert_int_equal(fake_device.sched.hot_count, 1);
	assert_true(command(f[1]));
	close_all(2);
}

/* What comes in while the worker cools the session is found by the second look. */
static void nothing_is_lost_in_cooling(void **state)
{
	(void)state;
	open_all(1, 100);
	command(f[0]);
	fake_push_group(f[0], 1, 5);
	assert_false(fake_publish(f[0])); /* it is polled: no kick */
	while (!millrace_sched_waiting(&fake_device)) { /* cools it without having swept */
		fake_now += 1000;
		assert_false(millrace_sched_settle(&fake_device));
	}
	fake_run();
	fake_expect(f[0], 5, 0);
	close_all(1);
}

static void polled_sessions_take_turns_with_kickers(void **state)
{
	unsigned int i, most = 0, since = 0;

	(void)state;
	f[0] = fake_open(16, 16, 100);
	f[1] = fake_open(16, 16, MILLRACE_POLL_NEVER);
	command(f[0]);
	fake_logged = 0;
	for (i = 0; i < 1000; i++) {
		while (f[0]->sq.tail - f[0]->cq.head < 8)
			fake_push_group(f[0], 1, i);
		fake_submit(f[0]);
		if (f[1]->sq.tail == f[1]->cq.head) {
			fake_push_group(f[1], 1, i);
			fake_submit(f[1]);
		}
		millrace_sched_run(&fake_device);
		fake_take_all(f[0]);
		fake_take_all(f[1]);
	}
	for (i = 0; i < fake_logged; i++) {
		since = fake_log[i].session == &f[1]->session ? 0 : since + 1;
		most = since > most ? since : most;
	}
	assert_true(most <= 2);
	close_all(2);
}

/* The one session that is polled never stands in the FIFO: who kicks is served next all the same. */
static void kick_beside_one_polled_is_served_next(void **state)
{
	unsigned int i;

	(void)state;
	f[0] = fake_open(16, 16, 100);
	f[1] = fake_open(16, 16, MILLRACE_POLL_NEVER);
	command(f[0]);
	for (i = 0; i < 100; i++) {
		fake_logged = 0;
		if (i % 2) { /* else it is idle */
			fake_push_group(f[0], 1, i);
			assert_false(fake_submit(f[0]));
		}
		fake_push_group(f[1], 1, i);
		assert_true(fake_submit(f[1]));
		assert_true(millrace_sched_run(&fake_device));
		served(0, f[1]);
		assert_int_equal(millrace_sched_run(&fake_device), i % 2);
		assert_int_equal(fake_take_all(f[0]), i % 2);
		fake_expect(f[1], i, 0);
		assert_int_equal(fake_device.sched.hot_count, 1);
	}
	close_all(2);
}

/* ---- In the submitter's context --------------------------------------------------------------- */

static void inline_runs_at_once(void **state)
{
	unsigned int i;

	(void)state;
	open_all(1, MILLRACE_POLL_ADAPTIVE);
	for (i = 0; i < 100; i++) {
		fake_push_group(f[0], 3, 10);
		assert_true(fake_publish(f[0]));
		assert_true(millrace_sched_run_inline(&f[0]->session));
		assert_int_equal(fake_take_all(f[0]), 3);
		assert_false(millrace_sched_waiting(&fake_device));
	}
	assert_int_equal(f[0]->session.count.inlined, 100);
	assert_int_equal(f[0]->session.count.kicks, 0);
	close_all(1);
}

static void inline_never_overtakes(void **state)
{
	(void)state;
	open_all(2, MILLRACE_POLL_NEVER);
	fake_push_group(f[0], 1, 0);
	fake_push_group(f[1], 1, 1);
	fake_publish(f[1]);
	fake_submit(f[0]);
	assert_false(millrace_sched_run_inline(&f[1]->session)); /* one has kicked */
	fake_push_group(f[0], 1, 1);
	fake_submit(f[0]);
	fake_kick(f[1]);
	millrace_sched_run(&fake_device);
	assert_false(millrace_sched_run_inline(&f[1]->session)); /* it stands in the FIFO itself */
	fake_run();
	served(0, f[0]);
	served(1, f[1]);
	served(2, f[0]);
	close_all(2);
}

static void inline_leaves_polled_sessions_alone(void **state)
{
	(void)state;
	open_all(1, 100);
	fake_push_group(f[0], 1, 0);
	fake_publish(f[0]);
	/* the client has asked for polling: it wants the worker */
	assert_false(millrace_sched_run_inline(&f[0]->session));
	fake_kick(f[0]);
	fake_run();
	assert_false(millrace_sched_run_inline(&f[0]->session));
	close_all(1);
}

static void inline_bounds_its_turn(void **state)
{
	struct fake_session *big = fake_open(512, 512, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 512; i++)
		fake_push_group(big, 1, i);
	fake_publish(big);
	assert_true(millrace_sched_run_inline(&big->session));
	assert_int_equal(fake_logged, MILLRACE_TURN_MAX);
	/* the rest is the worker's, who has to be woken for it */
	assert_true(millrace_sched_waiting(&fake_device));
	fake_run();
	assert_int_equal(fake_take_all(big), 512);
	assert_true(({ fake_push_group(big, 1, 0); fake_submit(big); }));
	fake_run();
	fake_close(big);
}

static void inline_asks_for_the_next_kick(void **state)
{
	(void)state;
	open_all(1, MILLRACE_POLL_NEVER);
	fake_push_group(f[0], 1, 0);
	assert_true(fake_publish(f[0]));
	assert_true(millrace_sched_run_inline(&f[0]->session));
	fake_push_group(f[0], 1, 1);
	assert_true(fake_submit(f[0]));
	fake_run();
	assert_int_equal(fake_take_all(f[0]), 2);
	close_all(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(in_the_order_of_kicks),
		fake_test(each_at_most_once),
		fake_test(one_group_a_turn_while_others_wait),
		fake_test(kick_during_a_turn_comes_before_the_next),
		fake_test(turn_of_one_alone_is_bounded),
		fake_test(nobody_ready_is_no_turn),
		fake_test(remove_wherever_it_stands),
		fake_test(remove_what_has_just_kicked),
		fake_test(remove_what_is_polled),
		fake_test(window_that_was_asked_for),
		fake_test(never_means_never),
		fake_test(window_adapts),
		fake_test(at_most_so_many_are_polled),
		fake_test(polled_session_cools_behind_a_busy_one),
		fake_test(nothing_is_lost_in_cooling),
		fake_test(polled_sessions_take_turns_with_kickers),
		fake_test(kick_beside_one_polled_is_served_next),
		fake_test(inline_runs_at_once),
		fake_test(inline_never_overtakes),
		fake_test(inline_leaves_polled_sessions_alone),
		fake_test(inline_bounds_its_turn),
		fake_test(inline_asks_for_the_next_kick),
	};

	return fake_main("sched", tests, LENGTH(tests));
}
