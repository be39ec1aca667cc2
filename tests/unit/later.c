/* SPDX-License-Identifier: MIT */
/* Commands that complete later: in any order, from other threads, and when their session goes. */
#include <pthread.h>
#include <sched.h>

#include "fake_home.h"

static void push_later(struct fake_session *f, __u16 group, __u64 tag)
{
	fake_push(f, FAKE_LATER, group, tag)->param[0] = tag;
}

/* All orders in which four commands can complete. */
static void any_order(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	unsigned int a, b, c, i;

	(void)state;
	for (a = 0; a < 4; a++)
		for (b = 0; b < 3; b++)
			for (c = 0; c < 2; c++) {
				unsigned int pick[4] = { a, b, c, 0 };

				for (i = 0; i < 4; i++)
					push_later(f, 1, i);
				fake_submit(f);
				fake_run();
				fake_expect_none(f);
				for (i = 0; i < 4; i++) {
					__u64 tag = fake_out[pick[i]]->param[0];
					const struct millrace_cqe *cqe;

					fake_complete(pick[i], 0);
					cqe = fake_take(f);
					assert_int_equal(cqe->user_data, tag);
					assert_int_equal(cqe->output[0], tag);
				}
			}
	fake_close(f);
}

/*
 * A group that needs slots which completed outside of a turn: its first command, already looked at,
 * must be the one that runs, and not what one of those slots held before.
 */
static void group_of_old_slots_runs_its_own_commands(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	unsigned int n, i;

	(void)state;
	for (n = 1; n <= 8; n++) {
		/* all slots but one come back by another way than the worker's */
		for (i = 0; i < 7; i++)
			push_later(f, 1, 100 + i);
		fake_submit(f);
		fake_run();
		while (fake_out_count)
			fake_complete(fake_out_count / 2, 0);
		assert_int_equal(fake_take_all(f), 7);
		fake_logged = 0;
		fake_push_group(f, n, 1000 * n);
		fake_submit(f);
		fake_run();
		assert_int_equal(fake_logged, n);
		for (i = 0; i < n; i++) {
			assert_int_equal(fake_log[i].tag, 1000 * n + i);
			fake_expect(f, 1000 * n + i, 0);
		}
	}
	fake_close(f);
}

static void complete_at_once(struct millrace_cmd *cmd)
{
	/* The driver says MILLRACE_LATER about a command that has already completed. */
	if (cmd->op->opcode == FAKE_LATER) {
		cmd->output[0] = 5;
		millrace_cmd_complete(cmd, 0);
	}
}

static void completed_before_execute_returns(void **state)
{
	struct fake_session *f = fake_open(4, 4, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	fake_hook = complete_at_once;
	for (i = 0; i < 50; i++) {
		push_later(f, 2, i);
		push_later(f, 0, i + 1);
		fake_submit(f);
		fake_run();
		fake_out_count = 0;
		fake_expect(f, i, 0);
		fake_expect(f, i + 1, 0);
	}
	fake_close(f);
}

static void later_commands_do_not_hold_others_up(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);

	(void)state;
	push_later(f, 3, 1);
	fake_push(f, FAKE_NOP, 0, 2);
	push_later(f, 0, 3);
	fake_submit(f);
	fake_run();
	fake_expect(f, 2, 0);
	fake_expect_none(f);
	fake_complete(1, 0);
	fake_complete(0, -EIO);
	fake_expect(f, 3, 0);
	fake_expect(f, 1, -EIO);
	fake_close(f);
}

/* ---- The completion lock -------------------------------------------------------------------- */

/*
 * The worker does without the lock while no command is out. Whether it does is seen with a lock that
 * knows its owner: taken again by the thread that holds it, it says no (which the engine does not look
 * at), and the unlock that follows gives it back. So the worker can be run in the very moment in which
 * a completer is inside.
 */
static struct fake_session *open_with_checked_lock(void)
{
	/* Room and slots for all of a test's commands: looking for more takes the lock, too. */
	struct fake_session *f = fake_open(256, 256, MILLRACE_POLL_NEVER);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_destroy(&f->session.lock);
	assert_int_equal(pthread_mutex_init(&f->session.lock, &attr), 0);
	pthread_mutexattr_destroy(&attr);
	return f;
}

/* Runs the worker in the thread that holds the lock, and still does afterwards. Whether it locked. */
static bool worker_locks(struct fake_session *f)
{
	fake_run();
	return pthread_mutex_trylock(&f->session.lock) == 0;
}

/* The same for one command that completes at once. */
static bool worker_locks_for_a_nop(struct fake_session *f)
{
	bool locked;

	fake_push_group(f, 1, 7);
	fake_submit(f);
	assert_int_equal(pthread_mutex_lock(&f->session.lock), 0);
	locked = worker_locks(f);
	pthread_mutex_unlock(&f->session.lock);
	fake_expect(f, 7, 0);
	return locked;
}

static void worker_locks_while_a_command_is_out(void **state)
{
	struct fake_session *f = open_with_checked_lock();
	unsigned int i;

	(void)state;
	assert_false(worker_locks_for_a_nop(f));
	for (i = 0; i < 3; i++) { /* one by itself, then a group of three */
		push_later(f, i ? 3 : 1, i);
		if (i) {
			push_later(f, 0, i);
			push_later(f, 0, i);
		}
		fake_submit(f);
		fake_run();
		while (fake_out_count) {
			assert_true(worker_locks_for_a_nop(f));
			fake_complete(fake_out_count / 2, 0);
			fake_expect(f, i, 0);
		}
		assert_false(worker_locks_for_a_nop(f));
	}
	fake_close(f);
}

static void worker_is_alone_again_when_completed_at_once(void **state)
{
	struct fake_session *f = open_with_checked_lock();
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		fake_hook = complete_at_once;
		push_later(f, 1, i);
		fake_submit(f);
		fake_run();
		fake_out_count = 0;
		fake_expect(f, i, 0);
		assert_false(worker_locks_for_a_nop(f));
		fake_hook = NULL;
		push_later(f, 1, i);
		fake_submit(f);
		fake_run();
		assert_true(worker_locks_for_a_nop(f));
		fake_complete(0, 0);
		fake_expect(f, i, 0);
	}
	fake_close(f);
}

static unsigned int entered;

/* Called with the lock held, by whoever completes a command that the client has asked to be told of. */
static void worker_comes_in(struct millrace_session *s)
{
	fake_wake_hook = NULL;
	entered++;
	assert_true(worker_locks(container_of(s, struct fake_session, session)));
}

/* The completer has published, and is still inside: the last command out is out until it has left. */
static void worker_waits_for_the_completer_to_leave(void **state)
{
	struct fake_session *f = open_with_checked_lock();
	unsigned int i;

	(void)state;
	entered = 0;
	for (i = 0; i < 10; i++) {
		push_later(f, 1, i);
		fake_submit(f);
		fake_run();
		fake_push_group(f, 1, 100 + i);
		fake_submit(f);
		millrace_event_arm(&f->session.client->cq_event.value, f->cq.head);
		fake_wake_hook = worker_comes_in;
		fake_complete(0, 0);
		fake_expect(f, i, 0);
		fake_expect(f, 100 + i, 0);
		fake_expect_none(f);
		assert_false(worker_locks_for_a_nop(f));
	}
	assert_int_equal(entered, 10);
	fake_close(f);
}

/* ---- From other threads --------------------------------------------------------------------- */

#define COMPLETERS 2
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static struct millrace_cmd *out[64];
static unsigned int out_count;
static bool stop_completers;

static void hand_over(struct millrace_cmd *cmd)
{
	if (cmd->op->opcode != FAKE_LATER)
		return;
	fake_out_count = 0; /* not the test's to complete */
	pthread_mutex_lock(&out_lock);
	out[out_count++] = cmd;
	pthread_mutex_unlock(&out_lock);
}

static struct millrace_cmd *any_out(unsigned int *random)
{
	struct millrace_cmd *cmd = NULL;

	pthread_mutex_lock(&out_lock);
	if (out_count) {
		unsigned int i = rand_r(random) % out_count;

		cmd = out[i];
		out[i] = out[--out_count];
	}
	pthread_mutex_unlock(&out_lock);
	return cmd;
}

static void *completer(void *arg)
{
	unsigned int random = (unsigned int)(uintptr_t)arg;

	for (;;) {
		struct millrace_cmd *cmd = any_out(&random);

		if (cmd) {
			cmd->output[0] = ~cmd->param[0];
			millrace_cmd_complete(cmd, 0);
		} else if (__atomic_load_n(&stop_completers, __ATOMIC_ACQUIRE)) {
			return NULL;
		} else {
			sched_yield();
		}
	}
}

/* Client and worker in this thread, completions from two others: each exactly once, with its output. */
static void completed_by_other_threads(void **state)
{
	enum { COMMANDS = 20000 };
	struct fake_session *f = fake_open(32, 32, MILLRACE_POLL_NEVER);
	static unsigned char got[COMMANDS];
	pthread_t thread[COMPLETERS];
	unsigned int sent = 0, taken = 0, i;

	(void)state;
	memset(got, 0, sizeof(got));
	out_count = 0;
	stop_completers = false;
	fake_hook = hand_over;
	for (i = 0; i < COMPLETERS; i++)
		pthread_create(&thread[i], NULL, completer, (void *)(uintptr_t)(i + 1));
	while (taken < COMMANDS) {
		const struct millrace_cqe *cqe;
		unsigned int n = 1 + fake_random() % 8;

		n = n < COMMANDS - sent ? n : COMMANDS - sent;
		if (n && millrace_producer_reserve(&f->sq, n) == 0 &&
		    f->sq.tail + n - f->cq.head <= 32) {
			for (i = 0; i < n; i++, sent++) {
				__u16 opcode = sent % 3 ? FAKE_LATER : FAKE_NOP;

				fake_push(f, opcode, i ? 0 : n, sent)->param[0] = sent;
			}
			fake_submit(f);
		}
		fake_logged = 0;
		fake_run();
		while ((cqe = fake_take(f))) {
			assert_int_equal(got[cqe->user_data]++, 0);
			assert_int_equal(cqe->status, 0);
			if (cqe->user_data % 3)
				assert_int_equal(cqe->output[0], ~cqe->user_data);
			taken++;
		}
	}
	__atomic_store_n(&stop_completers, true, __ATOMIC_RELEASE);
	for (i = 0; i < COMPLETERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(sent, COMMANDS);
	assert_int_equal(f->session.count.stalls, 0);
	fake_close(f);
}

/* ---- When the session goes ------------------------------------------------------------------- */

static void drain_cancels_what_is_on_its_way(void **state)
{
	struct fake_session *f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		push_later(f, 1, i);
	fake_submit(f);
	fake_run();
	millrace_sched_remove(&f->session);
	assert_true(millrace_session_drain(&f->session));
	assert_int_equal(fake_out_count, 0);
	for (i = 0; i < 5; i++)
		assert_int_equal(fake_take(f)->status, -ECANCELED);
	assert_int_equal(f->drained, 0); /* it was told by the return value */
	fake_close(f);
}

static void drain_waits_for_what_cannot_be_cancelled(void **state)
{
	struct fake_session *f;
	unsigned int i;

	(void)state;
	fake_driver.cancel = NULL;
	f = fake_open(8, 8, MILLRACE_POLL_NEVER);
	for (i = 0; i < 3; i++)
		push_later(f, 1, i);
	fake_submit(f);
	fake_run();
	millrace_sched_remove(&f->session);
	assert_false(millrace_session_drain(&f->session));
	fake_complete(1, 0);
	fake_complete(1, 0);
	assert_int_equal(f->drained, 0);
	fake_complete(0, 0);
	assert_int_equal(f->drained, 1);
	fake_close(f);
}

static struct millrace_session *drained_session;

static void *drain_and_exit(void *arg)
{
	struct fake_session *f = arg;

	if (!millrace_session_drain(drained_session))
		while (!__atomic_load_n(&f->drained, __ATOMIC_ACQUIRE))
			sched_yield();
	millrace_session_exit(drained_session);
	/* As a home may do: nothing of the session is left. */
	memset(&f->session, 0xdd, sizeof(f->session));
	return NULL;
}

/* The last command completes in another thread while its session is torn down. */
static void torn_down_while_the_last_completes(void **state)
{
	unsigned int round;

	(void)state;
	fake_driver.cancel = NULL;
	for (round = 0; round < 500; round++) {
		struct fake_session *f = fake_open(4, 4, MILLRACE_POLL_NEVER);
		pthread_t thread;

		push_later(f, 2, 1);
		push_later(f, 0, 2);
		fake_submit(f);
		fake_run();
		millrace_sched_remove(&f->session);
		drained_session = &f->session;
		pthread_create(&thread, NULL, drain_and_exit, f);
		fake_complete(0, 0);
		fake_complete(0, 0);
		pthread_join(thread, NULL);
		free(f->client_area);
		free(f->driver_area);
		free(f);
	}
}

static void drain_without_a_queue_pair(void **state)
{
	struct fake_session f = { 0 };

	(void)state;
	assert_int_equal(millrace_session_init(&f.session, &fake_device), 0);
	assert_true(millrace_session_drain(&f.session));
	millrace_session_exit(&f.session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(any_order),
		fake_test(group_of_old_slots_runs_its_own_commands),
		fake_test(completed_before_execute_returns),
		fake_test(later_commands_do_not_hold_others_up),
		fake_test(worker_locks_while_a_command_is_out),
		fake_test(worker_is_alone_again_when_completed_at_once),
		fake_test(worker_waits_for_the_completer_to_leave),
		fake_test(completed_by_other_threads),
		fake_test(drain_cancels_what_is_on_its_way),
		fake_test(drain_waits_for_what_cannot_be_cancelled),
		fake_test(torn_down_while_the_last_completes),
		fake_test(drain_without_a_queue_pair),
	};

	return fake_main("later", tests, LENGTH(tests));
}
