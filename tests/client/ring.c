// SPDX-License-Identifier: MIT
/*
 * Clients that break the ring contract: each is ended with a clear error, and touches nobody else. They
 * write to the shared words themselves, through the library's inside.
 */
#include "client.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Makes the home look at the session's ring, unless it has looked already and ended the session. */
static void kick(struct millrace_client *c)
{
	int err = c->backend->kick(c);

	assert_true(err == 0 || err == -EPROTO);
}

/* The session has ended with -EPROTO, for every call; an honest one works on. */
static void expect_ended(struct millrace_client *c, enum millrace_error error)
{
	struct millrace_client *honest = test_open(8);
	struct millrace_slots slots;

	assert_int_equal(millrace_queue_wait(c, 1, test_deadline()), -EPROTO);
	assert_int_equal(c->driver->error.value, error);
	assert_int_equal(millrace_queue_reserve(c, 1, &slots), -EPROTO);
	assert_int_equal(millrace_queue_submit(c), -EPROTO);
	assert_int_equal(millrace_queue_submit_and_wait(c, 1, test_deadline()), -EPROTO);
	assert_int_equal(millrace_queue_arm(c), -EPROTO);
	assert_int_equal(RUN(honest, SAMPLE_ADD, 20, 22).output, 42);
	millrace_client_close(honest);
	millrace_client_close(c);
}

static void set_tail(struct millrace_client *c, __u32 tail)
{
	millrace_store_release(&c->client->sq_tail.value, tail);
	kick(c);
}

static void test_tail_jumps(void **state)
{
	const __u32 jumps[] = { 9, 1000, 0x7fffffff, 0x80000000, ~0U, ~0U - 8 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct millrace_client *c = test_open(8);

		set_tail(c, MILLRACE_INDEX_START + jumps[i]);
		expect_ended(c, MILLRACE_ERROR_SQ_TAIL);
	}
}

static void test_head_jumps(void **state)
{
	const __u32 jumps[] = { 9, 1000, 0x80000000, ~0U };
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct millrace_client *c = test_open(8);

		/* Eight completions, so that the home has to look at the head for the ninth. */
		for (n = 0; n < 8; n++)
			test_fill(c, SAMPLE_NOP, n);
		millrace_queue_submit(c);
		assert_int_equal(millrace_queue_wait(c, 8, test_deadline()), 8);
		millrace_queue_release(c, 8);
		millrace_store_release(&c->client->cq_head.value,
				       MILLRACE_INDEX_START + jumps[i]);
		millrace_sqe(&(struct millrace_slots){ .base = (char *)c->client +
							       c->setup.sqe_offset,
						       .size = c->setup.sqe_size },
			     0)
			->group = 1;
		set_tail(c, MILLRACE_INDEX_START + 9);
		expect_ended(c, MILLRACE_ERROR_CQ_HEAD);
	}
}

static void test_bad_groups(void **state)
{
	const __u16 lengths[] = { 0, 3, 9, 0xffff };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct millrace_client *c = test_open(8);

		test_fill(c, SAMPLE_NOP, 0)->group = lengths[i];
		test_fill(c, SAMPLE_NOP, 1)->group = 0;
		millrace_queue_submit(c);
		expect_ended(c, MILLRACE_ERROR_GROUP);
	}
}

/* Publishing more than the CQ has room for is no offence: it waits until there is room and a kick. */
static void test_overcommitted(void **state)
{
	struct millrace_client *c = test_open_params(
		&(struct millrace_queue_params){ .entries = 8, .cq_entries = 2 });
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct millrace_sqe *sqe =
			(void *)((char *)c->client + c->setup.sqe_offset +
				 ((MILLRACE_INDEX_START + i) & 7) * c->setup.sqe_size);

		millrace_sqe_prepare(sqe, SAMPLE_NOP, i);
		sqe->group = 1;
	}
	set_tail(c, MILLRACE_INDEX_START + 8);
	for (i = 0; i < 8; i += n) {
		n = millrace_queue_wait(c, 2, test_deadline());
		assert_int_equal(n, 2);
		millrace_queue_release(c, n);
		kick(c);
	}
	millrace_client_close(c);
}

/* Kicks without work, and the event index set to anything: nothing happens. */
static void test_idle_kicks(void **state)
{
	struct millrace_client *c = test_open(8);
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		millrace_store(&c->client->cq_event.value, i * 0x9e3779b9);
		kick(c);
	}
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(c);
}

struct rewriter {
	struct millrace_client *client;
	__u32 stop;
};

/* It races with its own client on purpose. */
static __attribute__((no_sanitize("thread"))) void *rewrite(void *arg)
{
	struct rewriter *r = arg;
	__u64 *words = (__u64 *)((char *)r->client->client + r->client->setup.sqe_offset);
	size_t count = r->client->setup.sq_entries * r->client->setup.sqe_size / sizeof(*words);
	__u64 seed = 88172645463325252ULL;

	while (!millrace_load(&r->stop)) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		*(volatile __u64 *)&words[seed % count] = seed * 0x2545f4914f6cdd1dULL;
	}
	return NULL;
}

/* SQEs that another thread rewrites while they are read: any outcome but harm to others. */
static void test_sqes_rewritten(void **state)
{
	struct rewriter r = { .client = test_open(64) };
	struct millrace_client *honest = test_open(8);
	struct millrace_memory m;
	pthread_t thread;
	unsigned int i;
	int n = 0;

	(void)state;
	assert_int_equal(millrace_buffer_create(r.client, 4096, &m), 0);
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &r), 0);
	for (i = 0; i < 20000 && n >= 0; i++) {
		struct millrace_slots slots;

		if (!millrace_queue_reserve(r.client, 1, &slots)) {
			millrace_sqe_prepare(millrace_sqe(&slots, 0), SAMPLE_FILL, i);
			millrace_sqe(&slots, 0)->param[0] = m.handle;
		}
		n = millrace_queue_submit_and_wait(r.client, 1, millrace_clock() + SECOND / 10);
		if (n > 0)
			millrace_queue_release(r.client, n);
		else if (n == -ETIMEDOUT)
			n = 0; /* a long DELAY, as the dice fell */
		assert_int_equal(RUN(honest, SAMPLE_ADD, i, 1).output, i + 1);
	}
	assert_true(n >= 0 || n == -EPROTO);
	millrace_store(&r.stop, 1);
	pthread_join(thread, NULL);
	millrace_client_close(r.client);
	assert_int_equal(RUN(honest, SAMPLE_ADD, 1, 1).output, 2);
	millrace_client_close(honest);
}

/* The driver-owned area cannot be written by any path that the client has. */
static void test_driver_area_read_only(void **state)
{
	struct millrace_client *c = test_open(8);
	void *area = (void *)c->driver;
	__u32 word = 0x12345678;
	int mem = open("/proc/self/mem", O_RDWR);

	(void)state;
	assert_int_equal(mprotect(area, test_page(), PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(pwrite(mem, &word, sizeof(word), (off_t)(uintptr_t)area), -1);
	assert_int_not_equal(c->driver->sq_head.value, word);
	close(mem);
	assert_int_equal(RUN(c, SAMPLE_ADD, 1, 2).output, 3);
	millrace_client_close(c);
}

TESTS(ring, cmocka_unit_test(test_tail_jumps), cmocka_unit_test(test_head_jumps),
      cmocka_unit_test(test_bad_groups), cmocka_unit_test(test_overcommitted),
      cmocka_unit_test(test_idle_kicks), cmocka_unit_test(test_sqes_rewritten),
      cmocka_unit_test(test_driver_area_read_only));
