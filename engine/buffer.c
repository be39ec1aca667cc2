// SPDX-License-Identifier: MIT
#include "buffer.h"

#include "../ring/atomic.h"

int millrace_buffers_init(struct millrace_buffer_table *t, __u32 max, __u64 max_bytes)
{
	t->buffer = millrace_zalloc(max, sizeof(t->buffer[0]));
	if (!t->buffer)
		return -ENOMEM;
	t->max = max;
	t->max_bytes = max_bytes;
	t->count = 0;
	t->bytes = 0;
	millrace_lock_init(&t->lock);
	return 0;
}

void millrace_buffers_exit(struct millrace_buffer_table *t)
{
	__u32 i;

	for (i = 0; i < t->max; i++)
		if (t->buffer[i])
			millrace_buffer_put(t->buffer[i]);
	millrace_lock_destroy(&t->lock);
	millrace_free(t->buffer);
	t->max = 0;
	t->count = 0;
}

bool millrace_buffers_allow(const struct millrace_buffer_table *t, __u64 size)
{
	return size <= t->max_bytes && millrace_load(&t->bytes) <= t->max_bytes - size;
}

int millrace_buffer_insert(struct millrace_buffer_table *t, struct millrace_buffer *b,
			   __u32 *handle)
{
	unsigned long flags = 0;
	int err = -ENOMEM;
	__u32 i;

	millrace_lock(&t->lock, flags);
	if (!millrace_buffers_allow(t, b->size))
		goto out;
	err = -ENOSPC;
	for (i = 0; i < t->max; i++) {
		if (t->buffer[i])
			continue;
		t->buffer[i] = b;
		millrace_store(&t->count, t->count + 1);
		millrace_store(&t->bytes, t->bytes + b->size);
		*handle = i + 1;
		err = 0;
		break;
	}
out:
	millrace_unlock(&t->lock, flags);
	return err;
}

/* Where handle @handle is kept, or NULL. */
static struct millrace_buffer **find(struct millrace_buffer_table *t, __u64 handle)
{
	millrace_assert_locked(&t->lock);
	if (!handle || handle > t->max)
		return NULL;
	return &t->buffer[millrace_index_nospec((unsigned long)handle - 1, t->max)];
}

int millrace_buffer_remove(struct millrace_buffer_table *t, __u32 handle)
{
	struct millrace_buffer **place, *b = NULL;
	unsigned long flags = 0;

	millrace_lock(&t->lock, flags);
	place = find(t, handle);
	if (place && *place) {
		b = *place;
		*place = NULL;
		millrace_store(&t->count, t->count - 1);
		millrace_store(&t->bytes, t->bytes - b->size);
	}
	millrace_unlock(&t->lock, flags);
	if (!b)
		return -ENOENT;
	millrace_buffer_put(b);
	return 0;
}

struct millrace_buffer *millrace_buffer_get(struct millrace_buffer_table *t, __u64 handle)
{
	struct millrace_buffer **place, *b = NULL;
	unsigned long flags = 0;

	millrace_lock(&t->lock, flags);
	place = find(t, handle);
	if (place && *place) {
		b = *place;
		millrace_refs_get(&b->refs);
	}
	millrace_unlock(&t->lock, flags);
	return b;
}

void millrace_buffer_put(struct millrace_buffer *b)
{
	if (millrace_refs_put(&b->refs))
		b->destroy(b);
}

int millrace_buffer_span(struct millrace_buffer_table *t, __u64 handle, __u64 offset, __u64 size,
			 struct millrace_span *span, struct millrace_buffer **b)
{
	struct millrace_buffer *found = millrace_buffer_get(t, handle);

	if (!found)
		return -ENOENT;
	if (offset > found->size || size > found->size - offset) {
		millrace_buffer_put(found);
		return -ERANGE;
	}
	span->data = (char *)found->data + offset;
	span->size = size;
	*b = found;
	return 0;
}
