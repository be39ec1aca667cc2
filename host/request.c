// SPDX-License-Identifier: MIT
/* The requests that a client makes on its socket: the same as the kernel home's ioctls. */
#include "host.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <fcntl.h>

#define MAX_FDS 4

/* As many descriptors as the kernel lets anybody send at once (SCM_MAX_FD). */
#define MOST_FDS 253

/* A request on its way: the message, the descriptor that came with it, those that go back. */
struct request {
	struct millrace_message m;
	int received; /* -1: none; owned until taken */
	int reply[MAX_FDS];
	unsigned int reply_count;
	int *given[MAX_FDS]; /* of those that go back: not needed here any more */
	unsigned int given_count;
};

struct buffer {
	struct millrace_buffer buffer;
	struct millrace_area area;
};

/* Has a descriptor go with the answer, and be the client's alone from then on. */
static void give(struct request *r, int *fd)
{
	r->reply[r->reply_count++] = *fd;
	r->given[r->given_count++] = fd;
}

static void forget_given(struct request *r)
{
	while (r->given_count) {
		int *fd = r->given[--r->given_count];

		close(*fd);
		*fd = -1;
	}
}

static void destroy_buffer(struct millrace_buffer *b)
{
	struct buffer *buffer = container_of(b, struct buffer, buffer);

	millrace_area_destroy(&buffer->area);
	free(buffer);
}

/* Puts a buffer around an area, into the session's table. Its memfd is where @memfd says then. */
static int add_buffer(struct millrace_connection *c, const struct millrace_area *area, __u32 *handle,
		      int **memfd)
{
	struct buffer *buffer = calloc(1, sizeof(*buffer));
	int err;

	if (!buffer)
		return -ENOMEM;
	buffer->area = *area;
	*memfd = &buffer->area.memfd;
	buffer->buffer.data = area->data;
	buffer->buffer.size = area->size;
	buffer->buffer.destroy = destroy_buffer;
	millrace_refs_init(&buffer->buffer.refs);
	err = millrace_buffer_insert(&c->session.buffers, &buffer->buffer, handle);
	if (err)
		free(buffer);
	return err;
}

static bool buffer_size_valid(const struct millrace_connection *c, __u64 size)
{
	return size && size <= c->session.device->max_buffer_size;
}

static int create_buffer(struct millrace_connection *c, struct request *r)
{
	struct millrace_buffer_request *b = &r->m.argument.buffer;
	__u64 page = millrace_page_size();
	struct millrace_area area;
	int err, *memfd;

	if (b->flags || b->handle || b->address || b->offset || b->reserved)
		return -EINVAL;
	if (!buffer_size_valid(c, b->size))
		return -EINVAL;
	b->size = (b->size + page - 1) & ~(page - 1);
	if (!millrace_buffers_allow(&c->session.buffers, b->size))
		return -ENOMEM;
	err = millrace_area_create(&area, "millrace-buffer", b->size);
	if (err)
		return err;
	err = add_buffer(c, &area, &b->handle, &memfd);
	if (err) {
		millrace_area_destroy(&area);
		return err;
	}
	give(r, memfd);
	return 0;
}

static int register_buffer(struct millrace_connection *c, struct request *r)
{
	struct millrace_buffer_request *b = &r->m.argument.buffer;
	struct millrace_area area;
	int err, *memfd;

	if (b->flags || b->handle || b->offset || b->reserved || r->received < 0)
		return -EINVAL;
	if (!buffer_size_valid(c, b->size) || b->size % millrace_page_size())
		return -EINVAL;
	err = millrace_area_adopt(&area, r->received, b->size);
	if (err)
		return err;
	r->received = -1; /* the area's from here on */
	err = add_buffer(c, &area, &b->handle, &memfd);
	if (err) {
		millrace_area_destroy(&area);
		return err;
	}
	r->given[r->given_count++] = memfd; /* mapped: the descriptor has done its work */
	return 0;
}

static int free_buffer(struct millrace_connection *c, struct request *r)
{
	const struct millrace_buffer_request *b = &r->m.argument.buffer;

	if (b->flags || b->size || b->address || b->offset || b->reserved)
		return -EINVAL;
	return millrace_buffer_remove(&c->session.buffers, b->handle);
}

static void kick_ready(struct millrace_source *source, __u32 events)
{
	struct millrace_connection *c = container_of(source, struct millrace_connection, kick);

	(void)events;
	if (!c->closing)
		millrace_sched_kick(&c->session);
}

static int make_areas(struct millrace_connection *c, const struct millrace_setup *setup)
{
	int err;

	err = millrace_area_create(&c->client_area, "millrace-client", setup->client_size);
	if (err)
		return err;
	err = millrace_area_create(&c->driver_area, "millrace-driver", setup->driver_size);
	if (!err)
		err = millrace_area_seal_writes(&c->driver_area);
	return err;
}

/* undo_setup() undoes it, also what it made before it failed. */
static int make_descriptors(struct millrace_connection *c)
{
	c->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->kick.fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->wake))
		return -errno;
	shutdown(c->wake[1], SHUT_RD); /* the client has nothing to say there */
	c->kick.ready = kick_ready;
	return millrace_source_add(c->host, &c->kick, EPOLLIN | EPOLLET);
}

static void undo_setup(struct millrace_connection *c)
{
	millrace_area_destroy(&c->client_area);
	millrace_area_destroy(&c->driver_area);
	millrace_source_remove(c->host, &c->kick);
	if (c->wake[0] >= 0) {
		close(c->wake[0]);
		close(c->wake[1]);
	}
	c->wake[0] = c->wake[1] = -1;
}

static int start(struct millrace_connection *c, const struct millrace_setup *setup)
{
	int err;

	err = make_areas(c, setup);
	if (!err)
		err = make_descriptors(c);
	if (!err)
		err = millrace_delays_reserve(c->host, setup->cq_entries);
	if (err)
		return err;
	err = millrace_session_start(&c->session, setup, c->client_area.data, c->driver_area.data);
	if (err)
		millrace_delays_reserve(c->host, -(long)setup->cq_entries);
	return err;
}

static int setup_queue(struct millrace_connection *c, struct request *r)
{
	struct millrace_setup *setup = &r->m.argument.setup;
	int err;

	err = millrace_session_setup(&c->session, setup);
	if (err)
		return err;
	err = start(c, setup);
	if (err) {
		undo_setup(c);
		return err;
	}
	c->host->session_count++;
	give(r, &c->client_area.memfd);
	give(r, &c->driver_area.memfd);
	r->reply[r->reply_count++] = c->kick.fd;
	give(r, &c->wake[0]);
	return 0;
}

static int set_eventfd(struct millrace_connection *c, struct request *r)
{
	const struct millrace_eventfd *e = &r->m.argument.eventfd;
	int err;

	if (e->reserved || e->fd < -1 || !c->session.started)
		return -EINVAL;
	if (e->fd >= 0 && r->received < 0)
		return -EINVAL;
	err = millrace_wake_set_eventfd(c, e->fd < 0 ? -1 : r->received);
	if (!err && e->fd >= 0)
		r->received = -1; /* taken */
	return err;
}

static int get_stats(struct millrace_connection *c, struct request *r)
{
	struct millrace_session_stats *stats = &r->m.argument.stats;
	const struct millrace_session_stats zero = { .id = stats->id };
	struct millrace_connection *it, *found = NULL;

	if (memcmp(stats, &zero, sizeof(zero)))
		return -EINVAL;
	for (it = c->host->connections; it; it = it->next)
		if (it->session.started && !it->closing && it->id >= stats->id &&
		    (!found || it->id < found->id))
			found = it;
	if (!found)
		return -ENOENT;
	stats->id = found->id;
	stats->pid = found->pid;
	stats->uid = found->uid;
	memcpy(stats->comm, found->comm, sizeof(stats->comm));
	millrace_session_stats(&found->session, stats);
	return 0;
}

static int get_info(struct millrace_connection *c, struct request *r)
{
	millrace_device_info(c->session.device, &r->m.argument.info);
	r->m.argument.info.sessions = c->host->session_count;
	return 0;
}

static int answer(struct millrace_connection *c, struct request *r)
{
	switch (r->m.request) {
	case MILLRACE_IOC_INFO:
		return get_info(c, r);
	case MILLRACE_IOC_OP:
		return millrace_device_op_info(c->session.device, &r->m.argument.op);
	case MILLRACE_IOC_STATS:
		return get_stats(c, r);
	case MILLRACE_IOC_SETUP:
		return setup_queue(c, r);
	case MILLRACE_IOC_EVENTFD:
		return set_eventfd(c, r);
	case MILLRACE_IOC_BUFFER_CREATE:
		return create_buffer(c, r);
	case MILLRACE_IOC_BUFFER_REGISTER:
		return register_buffer(c, r);
	case MILLRACE_IOC_BUFFER_FREE:
		return free_buffer(c, r);
	}
	return -ENOTTY;
}

/*
 * Keeps the first descriptor that came with a message and closes all others. There has to be room for
 * all: the kernel would close the rest itself, here and now.
 */
static void take_fds(struct msghdr *msg, struct request *r)
{
	struct cmsghdr *header;
	int fd[MOST_FDS];

	for (header = CMSG_FIRSTHDR(msg); header; header = CMSG_NXTHDR(msg, header)) {
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fd, CMSG_DATA(header), count * sizeof(int));
		r->received = fd[0]; /* there is one such header */
		if (count > 1)
			millrace_foreign_close(fd + 1, count - 1);
	}
}

static int receive(int socket, struct request *r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = &r->m, .iov_len = sizeof(r->m) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == ECONNRESET ? -ENODEV : -errno;
	take_fds(&msg, r);
	if (!n)
		return -ENODEV;
	return n == sizeof(r->m) && !(msg.msg_flags & MSG_TRUNC) ? 0 : -EPROTO;
}

/* A client that does not take its answers is not waited for. */
static int send_answer(int socket, struct request *r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = &r->m, .iov_len = sizeof(r->m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t size = r->reply_count * sizeof(int);

	if (size) {
		struct cmsghdr *header;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(header), r->reply, size);
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int millrace_request_serve(struct millrace_connection *c)
{
	struct request r = { .received = -1 };
	int err;

	err = receive(c->socket.fd, &r);
	if (err == -EAGAIN)
		return 0;
	if (!err) {
		r.m.result = r.m.result ? -EINVAL : answer(c, &r);
		err = send_answer(c->socket.fd, &r);
		forget_given(&r);
	}
	if (r.received >= 0)
		millrace_foreign_close(&r.received, 1);
	return err;
}
