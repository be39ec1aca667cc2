/* SPDX-License-Identifier: MIT */
/*
 * A client that writes anything anywhere in its area, at any time, while the engine runs. The engine
 * never crashes (ASAN, UBSAN), never takes more than there is room for, never lets a driver see what
 * was not checked, and an honest session beside it gets its service.
 */
#include <pthread.h>
#include <sched.h>

#include "fake_home.h"

#define SESSIONS 300
#define TURNS 300
#define ENTRIES 16
#define BUFFER 256
#define SQE_WORDS (ENTRIES * 64 / 8)

static struct millrace_client_area *target;
static bool stop;
static unsigned int misdeeds;
/* Whether it lies about indices and lengths, too: such sessions are soon over. */
static bool wild;
static char *buffer_data;

static __u64 next(__u64 *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* An index that is sometimes possible: else each session would be over at once. */
static __u32 some_index(__u64 *random, __u32 around)
{
	switch (next(random) % 16) {
	case 0:
		return next(random);
	case 1:
		return around - next(random) % 4;
	case 2:
		return around + ENTRIES + next(random) % 3;
	default:
		return around + next(random) % (ENTRIES / 2);
	}
}

/* A word of an SQE: a plausible one most of the time. */
static __u64 some_word(__u64 *random, size_t word)
{
	__u64 group = __atomic_load_n(&wild, __ATOMIC_RELAXED) ? next(random) % 4 : 1;

	if (word % 8 == 0 && next(random) % 4) /* opcode, flags 0, group, reserved 0 */
		return (next(random) % 7) | group << 32;
	if (word % 8 == 0)
		return (next(random) & ~(0xffffULL << 32)) | group << 32;
	if (next(random) % 8 == 0)
		return next(random);
	if (word % 8 == 4 || word % 8 == 7)
		return next(random) % BUFFER; /* size */
	return next(random) % 3;
}

static void misbehave(struct millrace_client_area *area, __u64 *random)
{
	__u64 *sqes = (__u64 *)(area + 1);
	size_t word;

	switch (next(random) % (__atomic_load_n(&wild, __ATOMIC_RELAXED) ? 8 : 64)) {
	case 0:
		if (!__atomic_load_n(&wild, __ATOMIC_RELAXED))
			break;
		millrace_store(&area->sq_tail.value,
			       some_index(random, millrace_load(&area->sq_tail.value)));
		break;
	case 1:
		if (!__atomic_load_n(&wild, __ATOMIC_RELAXED))
			break;
		millrace_store(&area->cq_head.value,
			       some_index(random, millrace_load(&area->cq_head.value)));
		break;
	case 2:
		millrace_store(&area->cq_event.value, (__u32)next(random));
		break;
	default:
		word = next(random) % SQE_WORDS;
		millrace_store(&sqes[word], some_word(random, word));
	}
}

static void *hostile(void *arg)
{
	__u64 random = 0x123456789abcdef + (uintptr_t)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		struct millrace_client_area *area = __atomic_load_n(&target, __ATOMIC_ACQUIRE);

		if (area)
			misbehave(area, &random);
		__atomic_fetch_add(&misdeeds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* In the driver: only what was declared, only within the buffer. */
static void judge(struct millrace_cmd *cmd)
{
	unsigned int i;

	assert_ptr_equal(cmd->op, fake_device.op[cmd->op->opcode]);
	for (i = 0; i < cmd->op->spans; i++) {
		char *data = cmd->span[i].data;

		assert_true(data >= buffer_data && data <= buffer_data + BUFFER);
		assert_true(cmd->span[i].size <= (__u64)(buffer_data + BUFFER - data));
	}
	fake_logged = 0;
}

static void never_more_than_it_may(struct fake_session *f)
{
	struct millrace_session *s = &f->session;

	assert_true(s->sq.head - s->cq.head <= s->cq.entries);
	assert_true(s->cq.tail - s->cq.head <= s->cq.entries);
	assert_true(s->sq.tail - s->sq.head <= s->sq.entries);
	assert_true(s->sq.head - s->cq.tail == fake_out_count);
}

/* Sees to it that the other thread gets its share of the processor. */
static void let_it_misbehave(void)
{
	unsigned int before = __atomic_load_n(&misdeeds, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&misdeeds, __ATOMIC_ACQUIRE) - before < 20)
		sched_yield();
}

static void attend(struct fake_session *bad, struct fake_session *honest, unsigned int turns,
		   __u64 *random, bool same_thread)
{
	unsigned int i, k;

	for (i = 0; i < turns; i++) {
		for (k = 0; same_thread && k < 20; k++)
			misbehave(bad->session.client, random);
		if (!same_thread && i % 16 == 0)
			let_it_misbehave();
		if (!__atomic_load_n(&wild, __ATOMIC_RELAXED)) {
			k = next(random) % 4;
			if (millrace_producer_reserve(&bad->sq, k) == 0) {
				bad->sq.tail += k; /* whatever is there */
				fake_publish(bad);
			}
			fake_take_all(bad);
		}
		fake_kick(bad);
		fake_push(honest, FAKE_ADD, 1, i)->param[0] = i;
		fake_submit(honest);
		for (k = 0; k < 4; k++)
			millrace_sched_run(&fake_device);
		fake_expect(honest, i, 0);
		while (fake_out_count && next(random) % 4)
			fake_complete(next(random) % fake_out_count, 0);
		never_more_than_it_may(bad);
	}
}

static void init_sqes(struct fake_session *f)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		fake_push(f, FAKE_NOP, 1, i);
	f->sq.tail -= ENTRIES;
}

/* The thread may be inside a last write: the client's areas stay until it has ended. */
static void *graveyard[2 * SESSIONS];
static unsigned int graves;

static void bury(struct fake_session *f)
{
	graveyard[graves++] = f->client_area;
	f->client_area = NULL;
	millrace_sched_remove(&f->session);
	assert_true(millrace_session_drain(&f->session));
	millrace_session_exit(&f->session);
	free(f->driver_area);
	free(f);
}

static void free_graves(void)
{
	while (graves)
		free(graveyard[--graves]);
}

static unsigned int play(__u64 seed, bool same_thread)
{
	struct fake_session *honest = fake_open(8, 8, MILLRACE_POLL_NEVER);
	unsigned int i, survived = 0;
	__u64 random = seed;
	__u64 commands = 0;

	fake_hook = judge;
	for (i = 0; i < SESSIONS; i++) {
		struct fake_session *bad =
			fake_open(ENTRIES, ENTRIES, i % 2 ? 100 : MILLRACE_POLL_NEVER);
		__u32 handle = fake_insert(bad, BUFFER, NULL);

		buffer_data = bad->session.buffers.buffer[handle - 1]->data;
		init_sqes(bad);
		__atomic_store_n(&wild, i % 3 == 0, __ATOMIC_RELAXED);
		if (!same_thread)
			__atomic_store_n(&target, bad->session.client, __ATOMIC_RELEASE);
		attend(bad, honest, TURNS, &random, same_thread);
		__atomic_store_n(&target, NULL, __ATOMIC_RELEASE);
		commands += bad->session.count.commands;
		survived += !bad->session.error;
		bury(bad);
	}
	fake_close(honest);
	print_message("# %llu commands ran, %u of %u sessions survived\n",
		      (unsigned long long)commands, survived, SESSIONS);
	return commands;
}

static void alternating(void **state)
{
	(void)state;
	assert_true(play(0x1234567, true) > 1000);
	free_graves();
}

static void at_the_same_time(void **state)
{
	pthread_t thread;

	(void)state;
	stop = false;
	pthread_create(&thread, NULL, hostile, NULL);
	play(0x7654321, false);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	free_graves();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(alternating),
		fake_test(at_the_same_time),
	};

	return fake_main("hostile", tests, LENGTH(tests));
}
