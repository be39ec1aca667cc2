/* SPDX-License-Identifier: MIT */
/*
 * Buffers: memory that client, driver and device share, named by a handle within a session.
 *
 * A home makes a buffer (its own pages, or the client's pinned) and puts it into the session's table;
 * from then on the engine counts its users. Freeing a handle takes it out of the table at once; the
 * memory goes when the last command that uses it has completed.
 *
 * Thread-safety: any thread; the table has a lock of its own, innermost.
 */
#ifndef MILLRACE_ENGINE_BUFFER_H
#define MILLRACE_ENGINE_BUFFER_H

#include "../include/millrace/driver.h"
#include "os.h"

struct millrace_buffer {
	millrace_refs_t refs;
	void *data;
	__u64 size;
	/* Called with the last reference gone, perhaps in an interrupt. */
	void (*destroy)(struct millrace_buffer *b);
};

struct millrace_buffer_table {
	millrace_lock_t lock;
	struct millrace_buffer **buffer;
	__u32 max, count;
	__u64 max_bytes, bytes;
};

int millrace_buffers_init(struct millrace_buffer_table *t, __u32 max, __u64 max_bytes);
/* Empties the table. */
void millrace_buffers_exit(struct millrace_buffer_table *t);

/* Whether @size more bytes are allowed now: to be asked before memory is made for them. */
bool millrace_buffers_allow(const struct millrace_buffer_table *t, __u64 size);

/*
 * Takes over the caller's reference. -ENOSPC when the table is full, -ENOMEM when the session would
 * have more bytes than it may; the reference stays then.
 */
int millrace_buffer_insert(struct millrace_buffer_table *t, struct millrace_buffer *b,
			   __u32 *handle);
/* -ENOENT when there is no such handle. */
int millrace_buffer_remove(struct millrace_buffer_table *t, __u32 handle);
/* A reference to the buffer, or NULL. Handles are a client's and may be any number. */
struct millrace_buffer *millrace_buffer_get(struct millrace_buffer_table *t, __u64 handle);
void millrace_buffer_put(struct millrace_buffer *b);

/*
 * The stretch of buffer @handle at @offset. Returns a reference in @b. -ENOENT: no such handle;
 * -ERANGE: the stretch, computed without overflow, does not lie within the buffer.
 */
int millrace_buffer_span(struct millrace_buffer_table *t, __u64 handle, __u64 offset, __u64 size,
			 struct millrace_span *span, struct millrace_buffer **b);

#endif
