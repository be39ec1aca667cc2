// SPDX-License-Identifier: MIT
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__u64 millrace_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int millrace_client_ended(struct millrace_client *c, int err)
{
	int none = 0;

	__atomic_compare_exchange_n(&c->ended, &none, err, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return millrace_load(&c->ended);
}

int millrace_client_error(struct millrace_client *c)
{
	int ended = millrace_load(&c->ended);

	if (ended || !c->driver)
		return ended;
	switch (millrace_load_acquire(&c->driver->error.value)) {
	case MILLRACE_ERROR_NONE:
		return 0;
	case MILLRACE_ERROR_GONE:
		return millrace_client_ended(c, -ENODEV);
	default:
		return millrace_client_ended(c, -EPROTO);
	}
}

static void terminate(char *text, size_t size)
{
	text[size - 1] = 0;
}

/* An entry has to have room for what the operations take and give: callers go by max_params. */
static bool info_plausible(const struct millrace_info *info)
{
	return info->sqe_size >= sizeof(struct millrace_sqe) + 8 * (__u64)info->max_params &&
	       info->cqe_size >= sizeof(struct millrace_cqe) + 8 * (__u64)info->max_outputs &&
	       !(info->sqe_size % 8) && !(info->cqe_size % 8);
}

static int get_info(struct millrace_client *c)
{
	int err = c->backend->request(c, MILLRACE_IOC_INFO, &c->info, sizeof(c->info));

	if (err)
		return err;
	if (c->info.abi != MILLRACE_ABI)
		return -EPROTONOSUPPORT;
	terminate(c->info.name, sizeof(c->info.name));
	terminate(c->info.driver, sizeof(c->info.driver));
	return info_plausible(&c->info) ? 0 : -EPROTO;
}

/* Rings start on cache lines, so does the client that has their ends. */
static struct millrace_client *alloc_client(void)
{
	struct millrace_client *c = aligned_alloc(_Alignof(struct millrace_client), sizeof(*c));

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->fd = c->kick_fd = c->wake_fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

int millrace_client_open(const char *name, struct millrace_client **client)
{
	struct millrace_client *c;
	int err;

	if (!name || !client)
		return -EINVAL;
	c = alloc_client();
	if (!c)
		return -ENOMEM;
	c->fd = millrace_name_open(name, &c->backend);
	err = c->fd;
	if (err >= 0)
		err = get_info(c);
	if (err) {
		millrace_client_close(c);
		return err;
	}
	*client = c;
	return 0;
}

void millrace_client_close(struct millrace_client *c)
{
	if (!c)
		return;
	while (c->mappings) {
		struct millrace_memory m = { .handle = c->mappings->handle };

		millrace_buffer_free(c, &m);
	}
	if (c->fd >= 0)
		c->backend->close(c);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct millrace_info *millrace_client_info(const struct millrace_client *client)
{
	return &client->info;
}

static int request(struct millrace_client *c, unsigned int nr, void *argument, size_t size)
{
	int err;

	pthread_mutex_lock(&c->lock);
	err = c->backend->request(c, nr, argument, size);
	pthread_mutex_unlock(&c->lock);
	return err;
}

int millrace_client_op(struct millrace_client *client, unsigned int index,
		       struct millrace_op_info *op)
{
	int err;

	*op = (struct millrace_op_info){ .index = index };
	err = request(client, MILLRACE_IOC_OP, op, sizeof(*op));
	terminate(op->name, sizeof(op->name));
	return err;
}

int millrace_client_stats(struct millrace_client *client, __u64 id,
			  struct millrace_session_stats *stats)
{
	int err;

	*stats = (struct millrace_session_stats){ .id = id };
	err = request(client, MILLRACE_IOC_STATS, stats, sizeof(*stats));
	terminate(stats->comm, sizeof(stats->comm));
	return err;
}
