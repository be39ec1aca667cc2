/* SPDX-License-Identifier: MIT */
/*
 * One end of a single-producer single-consumer ring in memory shared with a peer who may lie.
 *
 * A ring is two shared indices and an array. Both indices run freely through all of u32; the
 * distance between them, taken modulo 2^32, is the number of entries in use; only such distances
 * are ever compared. Each end works from private copies: its own index, which it never reads back
 * from shared memory, and the last value it saw of its peer's, which it refreshes only when that
 * one does not suffice. A refresh that shows an impossible value returns -EPROTO and changes
 * nothing, so that an index, once accepted, can be trusted.
 *
 * The same code serves all four ends of a queue pair: the client's SQ producer and CQ consumer, the
 * home's SQ consumer and CQ producer. Nothing here blocks, allocates or calls out.
 *
 * Barriers, by the pairs that they form:
 *  (A) producer's store-release of the tail -> (B) consumer's load-acquire of it: entries are
 *	written before the consumer can see that they are there.
 *  (C) consumer's store-release of the head -> (D) producer's load-acquire of it: entries are read
 *	before the producer can see that they are free.
 *  (E) fence between publishing an index and reading the peer's event index, and
 *  (F) fence between writing an event index and looking at the peer's index once more: of a producer
 *	that publishes and a consumer that goes to sleep, at least one sees the other. See event.h.
 *
 * Thread-safety: each end belongs to one thread at a time.
 */
#ifndef MILLRACE_RING_RING_H
#define MILLRACE_RING_RING_H

#include "atomic.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#else
#include <errno.h>
#endif

struct millrace_producer {
	__u32 tail;	 /* next entry to write; private until published */
	__u32 published; /* the tail that the peer can see */
	__u32 head;	 /* the peer's head as last seen */
	__u32 entries;
	__u32 *shared_tail;
	const __u32 *shared_head;
};

struct millrace_consumer {
	__u32 head; /* next entry to read */
	__u32 tail; /* the peer's tail as last seen */
	__u32 entries;
	__u32 *shared_head;
	const __u32 *shared_tail;
};

static inline bool millrace_entries_valid(__u32 entries, __u32 max)
{
	return entries && entries <= max && !(entries & (entries - 1));
}

static inline void millrace_producer_init(struct millrace_producer *p, __u32 entries, __u32 start,
					  __u32 *shared_tail, const __u32 *shared_head)
{
	*p = (struct millrace_producer){
		.tail = start,
		.published = start,
		.head = start,
		.entries = entries,
		.shared_tail = shared_tail,
		.shared_head = shared_head,
	};
}

/* Entries that can be written without looking at the peer. */
static inline __u32 millrace_producer_room(const struct millrace_producer *p)
{
	return p->entries - (p->tail - p->head);
}

/* Looks at the peer's head. -EPROTO when it went back or beyond what was published. */
static inline int millrace_producer_refresh(struct millrace_producer *p)
{
	__u32 head = millrace_load_acquire(p->shared_head); /* (D), pairs with (C) */

	if (head - p->head > p->published - p->head)
		return -EPROTO;
	p->head = head;
	return 0;
}

/* Entries that can be written, looking at the peer only if @want is more than is known of. */
static inline int millrace_producer_reserve(struct millrace_producer *p, __u32 want)
{
	int err;

	if (millrace_producer_room(p) >= want)
		return 0;
	err = millrace_producer_refresh(p);
	if (err)
		return err;
	return millrace_producer_room(p) >= want ? 0 : -EAGAIN;
}

/* Lets the peer see everything up to tail. Returns the tail that it could see before. */
static inline __u32 millrace_producer_publish(struct millrace_producer *p)
{
	__u32 before = p->published;

	p->published = p->tail;
	millrace_store_release(p->shared_tail, p->tail); /* (A), pairs with (B) */
	return before;
}

static inline void millrace_consumer_init(struct millrace_consumer *c, __u32 entries, __u32 start,
					  __u32 *shared_head, const __u32 *shared_tail)
{
	*c = (struct millrace_consumer){
		.head = start,
		.tail = start,
		.entries = entries,
		.shared_head = shared_head,
		.shared_tail = shared_tail,
	};
}

/* Entries that can be read without looking at the peer. */
static inline __u32 millrace_consumer_available(const struct millrace_consumer *c)
{
	return c->tail - c->head;
}

/* Looks at the peer's tail. -EPROTO when it went back or beyond the ring. */
static inline int millrace_consumer_refresh(struct millrace_consumer *c)
{
	__u32 tail = millrace_load_acquire(c->shared_tail); /* (B), pairs with (A) */

	if (tail - c->tail > c->entries - (c->tail - c->head))
		return -EPROTO;
	c->tail = tail;
	return 0;
}

/* Whether the peer has moved on since the last refresh; reads nothing else, believes nothing. */
static inline bool millrace_consumer_pending(const struct millrace_consumer *c)
{
	return millrace_load(c->shared_tail) != c->tail;
}

/* Gives back the first @n entries: they have been read, the producer may write over them. */
static inline void millrace_consumer_release(struct millrace_consumer *c, __u32 n)
{
	c->head += n;
	millrace_store_release(c->shared_head, c->head); /* (C), pairs with (D) */
}

#endif
