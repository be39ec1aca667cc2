// SPDX-License-Identifier: MIT
/* ring/ring.h alone, with elements of 8 bytes that are copied in and out as its peers do. */
#include <errno.h>
#include <string.h>

#include "../../ring/ring.h"
#include "../common/bench.h"
#include "peers.h"

struct shared {
	uint32_t tail __attribute__((aligned(128)));
	uint32_t head __attribute__((aligned(128)));
	uint64_t entry[RING_ENTRIES] __attribute__((aligned(128)));
};

/* The lines that are written next are asked for all at once: stores alone get them one by one. */
static void claim_lines(struct shared *s, uint32_t at, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i += 8)
		__builtin_prefetch(&s->entry[(at + i) & (RING_ENTRIES - 1)], 1);
}

/* Copies in up to two pieces, around the end of the array. */
static void copy_in(struct shared *s, uint32_t at, const uint64_t *from, uint32_t n)
{
	uint32_t i = at & (RING_ENTRIES - 1), first = RING_ENTRIES - i < n ? RING_ENTRIES - i : n;

	claim_lines(s, at, n);
	memcpy(&s->entry[i], from, first * sizeof(*from));
	memcpy(&s->entry[0], from + first, (n - first) * sizeof(*from));
}

static void copy_out(const struct shared *s, uint32_t at, uint64_t *to, uint32_t n)
{
	uint32_t i = at & (RING_ENTRIES - 1), first = RING_ENTRIES - i < n ? RING_ENTRIES - i : n;

	memcpy(to, &s->entry[i], first * sizeof(*to));
	memcpy(to + first, &s->entry[0], (n - first) * sizeof(*to));
}

/* As many as have room, up to @n. */
static uint32_t enqueue(struct shared *s, struct millrace_producer *p, const uint64_t *from,
			uint32_t n)
{
	if (millrace_producer_reserve(p, n) && millrace_producer_room(p) < n)
		n = millrace_producer_room(p);
	if (n == 1)
		s->entry[p->tail & (RING_ENTRIES - 1)] = *from;
	else
		copy_in(s, p->tail, from, n);
	p->tail += n;
	if (n)
		millrace_producer_publish(p);
	return n;
}

static uint32_t dequeue(struct shared *s, struct millrace_consumer *c, uint64_t *to, uint32_t n)
{
	if (millrace_consumer_available(c) < n) {
		if (millrace_consumer_refresh(c))
			return 0;
		if (millrace_consumer_available(c) < n)
			n = millrace_consumer_available(c);
	}
	if (n == 1)
		*to = s->entry[c->head & (RING_ENTRIES - 1)];
	else
		copy_out(s, c->head, to, n);
	if (n)
		millrace_consumer_release(c, n);
	return n;
}

static unsigned int burst_size; /* inherited by the partner */

static void produce(void *arg)
{
	struct shared *s = arg;
	struct millrace_producer p;
	uint64_t values[BURST_MAX] = { 0 };

	millrace_producer_init(&p, RING_ENTRIES, 0, &s->tail, &s->head);
	for (;;)
		if (!enqueue(s, &p, values, burst_size))
			millrace_relax();
}

double ring_millrace(unsigned int burst)
{
	struct shared *s = bench_shared(sizeof(*s));
	struct millrace_consumer c;
	uint64_t values[BURST_MAX];
	struct bench_timer t;
	pid_t pid;

	burst_size = burst;
	pid = s ? bench_fork(bench.far, produce, s) : -ENOMEM;
	if (s)
		millrace_consumer_init(&c, RING_ENTRIES, 0, &s->head, &s->tail);
	for (bench_start(&t); pid > 0 && bench_goes_on(&t, 4096);) {
		uint32_t left = 4096, n;

		while (left) {
			n = dequeue(s, &c, values, left < burst ? left : burst);
			left -= n;
			USE(values);
			if (!n)
				millrace_relax();
		}
	}
	bench_kill(pid);
	if (s)
		bench_unshare(s, sizeof(*s));
	return pid > 0 ? bench_result(&t) : pid;
}
