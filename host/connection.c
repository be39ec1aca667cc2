// SPDX-License-Identifier: MIT
/* A client's connection: from accept to its last completed command. */
#include "host.h"

#include <stdio.h>
#include <sys/socket.h>

/* Tells a client why it cannot be served, as the answer to the request that it will make first. */
static void turn_away(int socket, int err)
{
	struct millrace_message m = { .request = MILLRACE_IOC_INFO, .result = err };

	send(socket, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
	millrace_foreign_close(&socket, 1);
}

static void read_comm(struct millrace_connection *c)
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", c->pid);
	file = fopen(path, "re");
	if (!file)
		return;
	n = fread(c->comm, 1, sizeof(c->comm), file);
	if (n)
		c->comm[n - 1] = 0; /* the newline, the last of up to 16 */
	millrace_clean_comm(c->comm);
	fclose(file);
}

/*
 * The socket file's permissions decide who may connect; here the same is held against the peer's own
 * credentials, so that a descriptor that was passed on, or a file whose mode was changed later, gives
 * no more than that.
 */
static int check_peer(struct millrace_connection *c)
{
	struct millrace_host *h = c->host;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(c->socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	c->pid = peer.pid;
	c->uid = peer.uid;
	if (!h->socket_path || peer.uid == 0 || peer.uid == geteuid() || (h->socket_mode & 0002))
		return 0;
	if ((h->socket_mode & 0020) && millrace_peer_in_group(c->socket.fd, peer.gid, h->socket_group))
		return 0;
	return -EACCES;
}

static void socket_ready(struct millrace_source *source, __u32 events)
{
	struct millrace_connection *c =
		container_of(source, struct millrace_connection, socket);

	if (c->closing)
		return;
	if (events & EPOLLIN) {
		int err = millrace_request_serve(c);

		if (!err)
			return;
		if (err != -ENODEV)
			millrace_host_log(c->host, "session %llu: hung up on: %s",
					  (unsigned long long)c->id, strerror(-err));
	}
	millrace_connection_close(c);
}

static void link_connection(struct millrace_connection *c)
{
	struct millrace_host *h = c->host;

	c->next = h->connections;
	c->link = &h->connections;
	if (c->next)
		c->next->link = &c->next;
	h->connections = c;
	h->connection_count++;
}

static int open_session(struct millrace_connection *c)
{
	struct millrace_host *h = c->host;
	int err;

	err = check_peer(c);
	if (err)
		return err;
	if (h->connection_count >= h->device.max_sessions)
		return -EBUSY;
	err = millrace_session_init(&c->session, &h->device);
	if (err)
		return err;
	c->socket.ready = socket_ready;
	err = millrace_source_add(h, &c->socket, EPOLLIN | EPOLLRDHUP);
	if (err)
		millrace_session_exit(&c->session);
	return err;
}

void millrace_connection_accept(struct millrace_host *h, int socket)
{
	struct millrace_connection *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		turn_away(socket, -ENOMEM);
		return;
	}
	c->host = h;
	c->socket.fd = socket;
	c->kick.fd = c->wake[0] = c->wake[1] = c->eventfd = -1;
	err = open_session(c);
	if (err) {
		millrace_host_log(h, "turned away pid %d uid %u: %s", c->pid, c->uid,
				  strerror(-err));
		turn_away(socket, err);
		free(c);
		return;
	}
	read_comm(c);
	c->id = ++h->next_id;
	link_connection(c);
	millrace_host_log(h, "session %llu: %s (pid %d, uid %u) has come",
			  (unsigned long long)c->id, c->comm, c->pid, c->uid);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* No command runs any more: the rest goes. */
static void destroy(struct millrace_connection *c)
{
	struct millrace_host *h = c->host;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	h->connection_count--;
	h->closing_count--;
	if (c->session.started) {
		h->session_count--;
		millrace_delays_reserve(h, -(long)c->session.setup.cq_entries);
	}
	millrace_session_exit(&c->session);
	millrace_area_destroy(&c->client_area);
	millrace_area_destroy(&c->driver_area);
	close_fd(&c->wake[0]);
	close_fd(&c->wake[1]);
	if (c->eventfd >= 0)
		millrace_foreign_close(&c->eventfd, 1);
	free(c);
}

/* Requests that nobody has read may have anything with them. The client learns of it now. */
static void hang_up(struct millrace_connection *c)
{
	int fds[] = { c->socket.fd, c->kick.fd };

	epoll_ctl(c->host->epoll, EPOLL_CTL_DEL, c->socket.fd, NULL);
	shutdown(c->socket.fd, SHUT_RDWR);
	if (c->kick.fd >= 0)
		epoll_ctl(c->host->epoll, EPOLL_CTL_DEL, c->kick.fd, NULL);
	millrace_foreign_close(fds, c->kick.fd >= 0 ? 2 : 1);
	c->socket.fd = c->kick.fd = -1;
}

void millrace_connection_close(struct millrace_connection *c)
{
	struct millrace_host *h = c->host;

	if (c->closing)
		return;
	c->closing = true;
	h->closing_count++;
	millrace_host_log(h, "session %llu: %s (pid %d) has gone", (unsigned long long)c->id,
			  c->comm, c->pid);
	hang_up(c);
	if (c->session.started)
		millrace_sched_remove(&c->session);
	/* What is not drained now will be reaped when millrace_home_drained() has called. */
	millrace_session_drain(&c->session);
	millrace_host_attention(h);
}

void millrace_connections_reap(struct millrace_host *h)
{
	struct millrace_connection *c, *next;

	for (c = h->connections; c; c = next) {
		next = c->next;
		if (c->closing && millrace_session_drained(&c->session))
			destroy(c);
	}
}
