/* SPDX-License-Identifier: MIT */
/*
 * Event indices: when one side has to kick the other.
 *
 * A side that goes to sleep writes into its event index the index after which it wants to be
 * kicked, and looks once more; a side that publishes reads the other's event index afterwards. Both
 * have a full fence between the two, (E) and (F) in ring.h, so at least one of them sees the other:
 *
 *	publisher			sleeper
 *	  store index (release)		  store event
 *	  fence (E)			  fence (F)
 *	  load event			  load index
 *	  kick if due			  sleep if it has not moved
 *
 * A side that is awake leaves its event index far behind: it is not kicked, whatever the other
 * publishes. tests/model/wakeup.pml is this protocol; it fails when either fence is taken out.
 */
#ifndef MILLRACE_RING_EVENT_H
#define MILLRACE_RING_EVENT_H

#include "ring.h"

/* Whether an index that went from @before to @now has passed @event. */
static inline bool millrace_event_due(__u32 event, __u32 before, __u32 now)
{
	return now - event - 1 < now - before;
}

/* After publishing: whether the peer has asked to be kicked for it. */
static inline bool millrace_event_check(const __u32 *shared_event, __u32 before, __u32 now)
{
	millrace_fence(); /* (E), pairs with (F): the index is visible before the event is read */
	return millrace_event_due(millrace_load(shared_event), before, now);
}

/* Asks to be kicked once the peer's index passes @event. The caller must look again after it. */
static inline void millrace_event_arm(__u32 *shared_event, __u32 event)
{
	millrace_store(shared_event, event);
	millrace_fence(); /* (F), pairs with (E): the event is visible before the index is read */
}

/* Asks not to be kicked: half of all indices away from @index. */
static inline void millrace_event_disarm(__u32 *shared_event, __u32 index)
{
	millrace_store(shared_event, index + (1U << 31));
}

#endif
