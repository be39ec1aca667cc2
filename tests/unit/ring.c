/* SPDX-License-Identifier: MIT */
/* Ring arithmetic: every distance, around the wrap of 2^32, against peers who lie. */
#include "fake_home.h"

#define START MILLRACE_INDEX_START

/* Indices from which everything is tried. */
static const __u32 starts[] = { START, 0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x7ffffff0, 12345 };
static const __u32 sizes[] = { 1, 2, 4, 16, 64 };

static void entries_are_powers_of_two(void **state)
{
	__u32 n;

	(void)state;
	for (n = 0; n < 70000; n++)
		assert_int_equal(millrace_entries_valid(n, 32768),
				 n && n <= 32768 && __builtin_popcount(n) == 1);
	assert_false(millrace_entries_valid(0x80000000, 32768));
	assert_true(millrace_entries_valid(0x80000000, ~0U));
}

/* A consumer at each fill level sees each index that its peer could ever write. */
static void consumer_refuses_the_impossible(void **state)
{
	__u32 e, s, known, taken, delta;

	(void)state;
	for (e = 0; e < LENGTH(sizes); e++)
		for (s = 0; s < LENGTH(starts); s++)
			for (known = 0; known <= sizes[e]; known++)
				for (taken = 0; taken <= known; taken++)
					for (delta = -sizes[e] - 3; delta != sizes[e] + 3; delta++) {
						__u32 head = 0, tail = starts[s] + known;
						struct millrace_consumer c, before;
						bool legal;

						millrace_consumer_init(&c, sizes[e], starts[s],
								       &head, &tail);
						assert_int_equal(millrace_consumer_refresh(&c), 0);
						millrace_consumer_release(&c, taken);
						before = c;
						tail += delta;
						/* forward only, and never beyond the ring */
						legal = delta < 0x80000000 &&
							known - taken + delta <= sizes[e];
						assert_int_equal(millrace_consumer_refresh(&c),
								 legal ? 0 : -EPROTO);
						if (!legal)
							assert_memory_equal(&c, &before, sizeof(c));
						else
							assert_int_equal(
								millrace_consumer_available(&c),
								known - taken + delta);
					}
}

static void producer_refuses_the_impossible(void **state)
{
	__u32 e, s, sent, more, seen, delta;

	(void)state;
	for (e = 0; e < LENGTH(sizes); e++)
		for (s = 0; s < LENGTH(starts); s++)
			for (sent = 0; sent <= sizes[e]; sent++)
				for (seen = 0; seen <= sent; seen++)
					for (delta = -sizes[e] - 3; delta != sizes[e] + 3; delta++)
						for (more = 0; more < 2; more++) {
							__u32 tail = 0, head = starts[s] + seen;
							struct millrace_producer p, before;
							bool legal;

							millrace_producer_init(&p, sizes[e],
									       starts[s], &tail,
									       &head);
							p.tail += sent;
							millrace_producer_publish(&p);
							assert_int_equal(
								millrace_producer_refresh(&p), 0);
							/* written, not published: not yet theirs */
							p.tail += more;
							before = p;
							head += delta;
							legal = delta < 0x80000000 &&
								seen + delta <= sent;
							assert_int_equal(
								millrace_producer_refresh(&p),
								legal ? 0 : -EPROTO);
							if (!legal)
								assert_memory_equal(&p, &before,
										    sizeof(p));
							else
								assert_int_equal(
									millrace_producer_room(&p),
									sizes[e] - sent - more +
										seen + delta);
						}
}

static void any_index_is_judged_by_distance_alone(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		__u32 entries = 1U << fake_random() % 16, start = fake_random();
		__u32 used = fake_random() % (entries + 1), head = 0, tail = fake_random();
		struct millrace_consumer c;
		bool legal;

		if (i % 2) /* near the boundary */
			tail = start + fake_random() % (entries + 4) - 2;
		millrace_consumer_init(&c, entries, start, &head, &tail);
		c.tail = start + used;
		legal = tail - start >= used && tail - start <= entries;
		assert_int_equal(millrace_consumer_refresh(&c), legal ? 0 : -EPROTO);
	}
}

/* A producer and a consumer against plain 64-bit counters, far across the wrap. */
static void both_ends_agree_with_counters(void **state)
{
	__u64 written = 0, published = 0, seen = 0, read = 0;
	__u32 shared_tail = START, shared_head = START, ring[16];
	struct millrace_producer p;
	struct millrace_consumer c;
	unsigned int i;

	(void)state;
	millrace_producer_init(&p, 16, START, &shared_tail, &shared_head);
	millrace_consumer_init(&c, 16, START, &shared_head, &shared_tail);
	for (i = 0; i < 100000; i++) {
		__u32 n = fake_random() % 18, j;

		switch (fake_random() % 4) {
		case 0:
			assert_int_equal(millrace_producer_reserve(&p, n),
					 n <= 16 - (written - read) ? 0 : -EAGAIN);
			if (n <= 16 - (written - read))
				for (j = 0; j < n; j++)
					ring[p.tail++ & 15] = written++;
			break;
		case 1:
			assert_int_equal(millrace_producer_publish(&p), (__u32)published + START);
			published = written;
			break;
		case 2:
			assert_int_equal(millrace_consumer_pending(&c), published != seen);
			assert_int_equal(millrace_consumer_refresh(&c), 0);
			seen = published;
			break;
		default:
			assert_int_equal(millrace_consumer_available(&c), seen - read);
			n = n < seen - read ? n : seen - read;
			for (j = 0; j < n; j++)
				assert_int_equal(ring[(c.head + j) & 15], (__u32)(read + j));
			millrace_consumer_release(&c, n);
			read += n;
		}
	}
	assert_true(read > 1000);
}

static void reserve_looks_only_when_it_must(void **state)
{
	__u32 tail = START, head = START;
	struct millrace_producer p;

	(void)state;
	millrace_producer_init(&p, 4, START, &tail, &head);
	p.tail += 3;
	millrace_producer_publish(&p);
	head += 100; /* nonsense, but there is room for one without looking */
	assert_int_equal(millrace_producer_reserve(&p, 1), 0);
	assert_int_equal(millrace_producer_reserve(&p, 2), -EPROTO);
	head = START + 1;
	assert_int_equal(millrace_producer_reserve(&p, 2), 0);
	assert_int_equal(millrace_producer_reserve(&p, 3), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(entries_are_powers_of_two),
		fake_test(consumer_refuses_the_impossible),
		fake_test(producer_refuses_the_impossible),
		fake_test(any_index_is_judged_by_distance_alone),
		fake_test(both_ends_agree_with_counters),
		fake_test(reserve_looks_only_when_it_must),
	};

	return fake_main("ring", tests, LENGTH(tests));
}
