// SPDX-License-Identifier: MIT
/*
 * The process home: requests are messages on a UNIX socket, memory comes as memfds, a kick is a write
 * to an eventfd, and a sleeping client reads from a stream socket. That ends when the home dies, so no
 * wait outlives it.
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 4

/* How long a home may take to answer at the open. */
#define OPEN_SECONDS 5

struct fds {
	int fd[MAX_FDS];
	unsigned int count;
};

static void close_fds(struct fds *fds)
{
	while (fds->count)
		close(fds->fd[--fds->count]);
}

static int send_message(int socket, const struct millrace_message *m, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)m, .iov_len = sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *header;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	do {
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *msg, struct fds *fds)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(msg); header; header = CMSG_NXTHDR(msg, header)) {
		size_t i, count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < count && fds->count < MAX_FDS; i++)
			memcpy(&fds->fd[fds->count++],
			       CMSG_DATA(header) + i * sizeof(int), sizeof(int));
	}
}

static ssize_t receive(int socket, struct msghdr *msg)
{
	ssize_t n;

	do {
		n = recvmsg(socket, msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int receive_message(int socket, struct millrace_message *m, struct fds *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	fds->count = 0;
	n = receive(socket, &msg);
	/* It hung up with our request unread, which is said first; its last words come behind that. */
	if (n == -ECONNRESET)
		n = receive(socket, &msg);
	if (n < 0)
		return n == -ECONNRESET ? -ENODEV : (int)n;
	take_fds(&msg, fds);
	if (n == sizeof(*m))
		return 0;
	close_fds(fds);
	return n ? -EPROTO : -ENODEV;
}

/*
 * A home that is stopped, or stuck in its driver, does not answer. At the open that is said instead of
 * waited for; later requests wait: the driver may well be in a long command.
 */
static int wait_for_answer(struct millrace_client *c)
{
	struct pollfd poll = { .fd = c->fd, .events = POLLIN };
	int n;

	do {
		n = ppoll(&poll, 1, &(struct timespec){ .tv_sec = OPEN_SECONDS }, NULL);
	} while (n < 0 && errno == EINTR);
	return n ? 0 : -ETIMEDOUT;
}

/* A request with a descriptor to send (or -1); the answer's descriptors are the caller's. */
static int ask(struct millrace_client *c, unsigned int request, void *argument, size_t size, int fd,
	       struct fds *fds)
{
	struct millrace_message m = { .request = request };
	int err, sent;

	err = millrace_load(&c->ended);
	if (err)
		return err;
	memcpy(&m.argument, argument, size);
	sent = send_message(c->fd, &m, fd);
	/* A home that has no place for the client says so before it hangs up. */
	err = c->info.abi ? 0 : wait_for_answer(c);
	if (err)
		return err;
	err = receive_message(c->fd, &m, fds);
	if (!err && m.result) {
		close_fds(fds);
		return m.result;
	}
	if (!err && sent)
		err = sent == -EPIPE ? -ENODEV : sent;
	if (err)
		return millrace_client_ended(c, err == -ENODEV ? err : -EPROTO);
	memcpy(argument, &m.argument, size);
	return 0;
}

static int socket_request(struct millrace_client *c, unsigned int request, void *argument,
			  size_t size)
{
	struct fds fds;
	int err = ask(c, request, argument, size, -1, &fds);

	if (!err)
		close_fds(&fds);
	return err;
}

static int map(void **data, int memfd, size_t size, int protection)
{
	void *at = mmap(NULL, size, protection, MAP_SHARED | MAP_POPULATE, memfd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*data = at;
	return 0;
}

static int map_areas(struct millrace_client *c, const struct millrace_setup *setup,
		     const struct fds *fds)
{
	void *client = NULL, *driver = NULL;
	int err;

	err = map(&client, fds->fd[0], setup->client_size, PROT_READ | PROT_WRITE);
	if (err)
		return err;
	err = map(&driver, fds->fd[1], setup->driver_size, PROT_READ);
	if (err) {
		munmap(client, setup->client_size);
		return err;
	}
	c->client = client;
	c->driver = driver;
	return 0;
}

static int socket_setup(struct millrace_client *c, struct millrace_setup *setup)
{
	struct fds fds;
	int err;

	err = ask(c, MILLRACE_IOC_SETUP, setup, sizeof(*setup), -1, &fds);
	if (err)
		return err;
	if (fds.count == 4 && millrace_setup_plausible(c, setup))
		err = map_areas(c, setup, &fds);
	else
		err = millrace_client_ended(c, -EPROTO);
	if (err) {
		close_fds(&fds);
		return err;
	}
	close(fds.fd[0]);
	close(fds.fd[1]);
	c->kick_fd = fds.fd[2];
	c->wake_fd = fds.fd[3];
	fcntl(c->wake_fd, F_SETFL, 0); /* a wait without deadline is one read */
	return 0;
}

static int socket_create(struct millrace_client *c, struct millrace_buffer_request *r, void **data)
{
	struct fds fds;
	int err;

	err = ask(c, MILLRACE_IOC_BUFFER_CREATE, r, sizeof(*r), -1, &fds);
	if (err)
		return err;
	err = fds.count == 1 ? map(data, fds.fd[0], r->size, PROT_READ | PROT_WRITE) : -EPROTO;
	close_fds(&fds);
	if (!err)
		return 0;
	*r = (struct millrace_buffer_request){ .handle = r->handle };
	socket_request(c, MILLRACE_IOC_BUFFER_FREE, r, sizeof(*r));
	return err;
}

static int socket_enroll(struct millrace_client *c, struct millrace_buffer_request *r, void *data)
{
	struct fds fds;
	int memfd, err;

	err = millrace_exchange_shared(data, r->size, &memfd);
	if (err)
		return err;
	err = ask(c, MILLRACE_IOC_BUFFER_REGISTER, r, sizeof(*r), memfd, &fds);
	close(memfd);
	if (err)
		millrace_exchange_private(data, r->size);
	else
		close_fds(&fds);
	return err;
}

static int socket_set_eventfd(struct millrace_client *c, int eventfd)
{
	struct millrace_eventfd e = { .fd = eventfd };
	struct fds fds;
	int err;

	if (eventfd >= 0 && fcntl(eventfd, F_GETFD) < 0)
		return -EBADF;
	err = ask(c, MILLRACE_IOC_EVENTFD, &e, sizeof(e), eventfd, &fds);
	if (!err)
		close_fds(&fds);
	return err;
}

static int socket_kick(struct millrace_client *c)
{
	/* The home never reads it: it is told of each write. Full (nobody there) is as good as told. */
	if (eventfd_write(c->kick_fd, 1) && errno != EAGAIN)
		return -errno;
	return 0;
}

static int wait_readable(int fd, __u64 deadline)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };
	struct timespec timeout;
	__u64 now = millrace_clock();
	__u64 left = deadline > now ? deadline - now : 0;
	int n;

	timeout.tv_sec = left / 1000000000;
	timeout.tv_nsec = left % 1000000000;
	n = ppoll(&poll, 1, &timeout, NULL);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int socket_sleep(struct millrace_client *c, __u32 min, __u64 deadline)
{
	char bytes[64];
	ssize_t n;
	int err;

	millrace_event_arm(&c->client->cq_event.value, c->cq.head + min - 1); /* (F) with (E) */
	if (millrace_consumer_refresh(&c->cq))
		return millrace_client_ended(c, -EPROTO);
	if (millrace_consumer_available(&c->cq) >= min || millrace_client_error(c))
		return millrace_client_error(c);
	if (deadline != MILLRACE_FOREVER) {
		err = wait_readable(c->wake_fd, deadline);
		if (err)
			return err;
	}
	n = read(c->wake_fd, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return -EINTR;
	/* However the home's end was closed: it has gone. */
	return n > 0 ? 0 : millrace_client_ended(c, -ENODEV);
}

/* What was there is of a wake-up for what has been seen since. */
static void socket_drain(struct millrace_client *c)
{
	char bytes[64];
	int n;

	while (!ioctl(c->wake_fd, FIONREAD, &n) && n > 0)
		if (read(c->wake_fd, bytes, sizeof(bytes)) <= 0)
			break;
}

static int socket_poll_fd(const struct millrace_client *c)
{
	return c->wake_fd;
}

static void socket_close(struct millrace_client *c)
{
	if (c->client) {
		munmap(c->client, c->setup.client_size);
		munmap((void *)c->driver, c->setup.driver_size);
		close(c->kick_fd);
		close(c->wake_fd);
	}
	close(c->fd);
}

const struct millrace_backend millrace_socket_backend = {
	.request = socket_request,
	.setup = socket_setup,
	.create = socket_create,
	.enroll = socket_enroll,
	.restore = millrace_exchange_private,
	.set_eventfd = socket_set_eventfd,
	.kick = socket_kick,
	.sleep = socket_sleep,
	.poll_fd = socket_poll_fd,
	.drain = socket_drain,
	.close = socket_close,
};
