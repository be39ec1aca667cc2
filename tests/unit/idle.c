/* SPDX-License-Identifier: MIT */
/*
 * A turn costs the same however many sessions are idle: the memory of a thousand of them is taken
 * away from the engine, so that a look at any would end the test, while one other is served.
 */
#include <sys/mman.h>

#include "fake_home.h"

#define IDLE 1000
static struct fake_session *idle[IDLE];

static size_t size_of_session(void)
{
	size_t page = millrace_page_size();

	return (sizeof(struct fake_session) + page - 1) & ~(page - 1);
}

static void open_idle(void)
{
	unsigned int i;

	for (i = 0; i < IDLE; i++) {
		idle[i] = mmap(NULL, size_of_session(), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(idle[i], MAP_FAILED);
		fake_open_at(idle[i], 8, 8, MILLRACE_POLL_NEVER);
		/* It has worked, and may do so again. */
		fake_push_group(idle[i], 2, i);
		assert_true(fake_submit(idle[i]));
	}
	fake_run();
	for (i = 0; i < IDLE; i++)
		assert_int_equal(fake_take_all(idle[i]), 2);
}

static void protect_idle(int protection)
{
	unsigned int i;

	for (i = 0; i < IDLE; i++) {
		assert_int_equal(mprotect(idle[i]->client_area, 4096, protection), 0);
		assert_int_equal(mprotect(idle[i]->driver_area, 4096, protection), 0);
		assert_int_equal(mprotect(idle[i], size_of_session(), protection), 0);
	}
}

static void unprotect_idle(void)
{
	unsigned int i;

	for (i = 0; i < IDLE; i++) {
		assert_int_equal(
			mprotect(idle[i], size_of_session(), PROT_READ | PROT_WRITE), 0);
		assert_int_equal(mprotect(idle[i]->client_area, 4096, PROT_READ | PROT_WRITE), 0);
		assert_int_equal(mprotect(idle[i]->driver_area, 4096, PROT_READ | PROT_WRITE), 0);
	}
}

static void close_idle(void)
{
	unsigned int i;

	for (i = 0; i < IDLE; i++) {
		fake_close_at(idle[i]);
		munmap(idle[i], size_of_session());
	}
}

static void serve(__u32 poll_us)
{
	struct fake_session *f = fake_open(8, 8, poll_us);
	struct fake_session *other = fake_open(8, 8, poll_us);
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		fake_now += i * 100;
		fake_push_group(f, 1 + i % 4, i);
		fake_submit(f);
		fake_push_group(other, 1, i);
		fake_submit(other);
		while (millrace_sched_run(&fake_device))
			;
		millrace_sched_settle(&fake_device);
		assert_int_equal(fake_take_all(f), 1 + i % 4);
		assert_int_equal(fake_take_all(other), 1);
	}
	fake_close(f);
	fake_close(other);
}

static void idle_sessions_are_not_touched(void **state)
{
	unsigned int i;

	(void)state;
	open_idle();
	protect_idle(PROT_NONE);
	serve(MILLRACE_POLL_NEVER);
	serve(MILLRACE_POLL_ADAPTIVE);
	serve(1000);
	unprotect_idle();
	/* They were idle, not dead. */
	for (i = 0; i < IDLE; i++) {
		fake_push_group(idle[i], 1, i);
		assert_true(fake_submit(idle[i]));
	}
	assert_int_equal(fake_run(), IDLE);
	for (i = 0; i < IDLE; i++)
		fake_expect(idle[i], i, 0);
	close_idle();
}

int main(void)
{
	const struct CMUnitTest tests[] = { fake_test(idle_sessions_are_not_touched) };

	return fake_main("idle", tests, LENGTH(tests));
}
