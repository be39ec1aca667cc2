// SPDX-License-Identifier: MIT
#include "client.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int remember(struct millrace_client *c, const struct millrace_memory *memory, bool registered)
{
	struct millrace_mapping *m = malloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct millrace_mapping){
		.next = c->mappings,
		.data = memory->data,
		.size = memory->size,
		.handle = memory->handle,
		.registered = registered,
	};
	c->mappings = m;
	return 0;
}

static int free_handle(struct millrace_client *c, __u32 handle)
{
	struct millrace_buffer_request r = { .handle = handle };

	return c->backend->request(c, MILLRACE_IOC_BUFFER_FREE, &r, sizeof(r));
}

static void release_memory(struct millrace_client *c, void *data, size_t size, bool registered)
{
	if (registered)
		c->backend->restore(data, size);
	else
		munmap(data, size);
}

/* Either path to a buffer ends here: what cannot be remembered is undone. */
static int finish(struct millrace_client *c, struct millrace_memory *memory, bool registered)
{
	int err = remember(c, memory, registered);

	if (!err)
		return 0;
	free_handle(c, memory->handle);
	release_memory(c, memory->data, memory->size, registered);
	return err;
}

int millrace_buffer_create(struct millrace_client *c, __u64 size, struct millrace_memory *memory)
{
	struct millrace_buffer_request r = { .size = size };
	void *data;
	int err;

	pthread_mutex_lock(&c->lock);
	err = c->backend->create(c, &r, &data);
	if (!err) {
		*memory = (struct millrace_memory){ data, r.size, r.handle };
		err = finish(c, memory, false);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

static bool page_aligned(__u64 value)
{
	return !(value & ((__u64)sysconf(_SC_PAGESIZE) - 1));
}

/* Whether some of the range is a buffer of this client's already. */
static bool is_taken(const struct millrace_client *c, uintptr_t start, __u64 size)
{
	const struct millrace_mapping *m;

	for (m = c->mappings; m; m = m->next)
		if (start < (uintptr_t)m->data + m->size && (uintptr_t)m->data < start + size)
			return true;
	return false;
}

int millrace_buffer_register(struct millrace_client *c, void *data, __u64 size,
			     struct millrace_memory *memory)
{
	struct millrace_buffer_request r = { .size = size };
	int err;

	/* As the home would say; said here before the memory is touched. */
	if (!data || !size || size > c->info.max_buffer_size || !page_aligned(size) ||
	    !page_aligned((uintptr_t)data) || (uintptr_t)data + size < (uintptr_t)data)
		return -EINVAL;
	pthread_mutex_lock(&c->lock);
	err = is_taken(c, (uintptr_t)data, size) ? -EOPNOTSUPP : c->backend->enroll(c, &r, data);
	if (!err) {
		*memory = (struct millrace_memory){ data, size, r.handle };
		err = finish(c, memory, true);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

int millrace_buffer_free(struct millrace_client *c, struct millrace_memory *memory)
{
	struct millrace_mapping **at, *m;

	pthread_mutex_lock(&c->lock);
	for (at = &c->mappings; *at && (*at)->handle != memory->handle; at = &(*at)->next)
		;
	m = *at;
	if (m) {
		*at = m->next;
		free_handle(c, m->handle); /* fails when the home has gone: then nobody has it */
		release_memory(c, m->data, m->size, m->registered);
		free(m);
	}
	pthread_mutex_unlock(&c->lock);
	if (!m)
		return -ENOENT;
	*memory = (struct millrace_memory){ 0 };
	return 0;
}
