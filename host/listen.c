// SPDX-License-Identifier: MIT
/* The host's socket: whose it is, who may connect. */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/*
 * Who holds the lock on <socket>.lock serves the socket; the lock goes with the process, so a socket
 * file that was left behind by one that died can be told from one in use. The file may be removed by
 * its last holder: the lock counts only while it is on the file that has the name now.
 */
static int take_lock(const char *path)
{
	struct stat locked, named;
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int fd, err;

	snprintf(name, sizeof(name), "%s.lock", path);
	for (;;) {
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
			close(fd);
			return err;
		}
		if (!fstat(fd, &locked) && !stat(name, &named) && locked.st_ino == named.st_ino)
			return fd;
		close(fd);
	}
}

static void drop_lock(struct millrace_host *h)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];

	snprintf(name, sizeof(name), "%s.lock", h->socket_path);
	unlink(name);
	close(h->lock_fd);
	h->lock_fd = -1;
}

/* Nobody but the owner can connect before the mode is set. */
static int bind_socket(struct millrace_host *h, const struct sockaddr_un *address, unsigned int mode)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	unlink(address->sun_path);
	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    chmod(address->sun_path, mode) || stat(address->sun_path, &st) || listen(fd, 128)) {
		err = -errno;
		close(fd);
		return err;
	}
	h->socket_mode = mode;
	h->socket_group = st.st_gid;
	return fd;
}

static void listener_ready(struct millrace_source *source, __u32 events)
{
	struct millrace_host *h = container_of(source, struct millrace_host, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* Without this the socket would stay readable and the thread never sleep. */
		close(h->spare_fd);
		fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		h->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return;
	}
	if (fd >= 0)
		millrace_connection_accept(h, fd);
}

int millrace_listen(struct millrace_host *h, const char *path, unsigned int mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	h->lock_fd = take_lock(path);
	if (h->lock_fd < 0)
		return h->lock_fd;
	h->socket_path = strdup(path);
	err = h->socket_path ? bind_socket(h, &address, mode ? mode : 0600) : -ENOMEM;
	if (err < 0)
		return err; /* millrace_unlisten() undoes the rest */
	h->listener.fd = err;
	h->listener.ready = listener_ready;
	return millrace_source_add(h, &h->listener, EPOLLIN);
}

void millrace_unlisten(struct millrace_host *h)
{
	if (h->listener.fd >= 0) {
		close(h->listener.fd);
		unlink(h->socket_path);
		h->listener.fd = -1;
	}
	if (h->lock_fd >= 0 && h->socket_path)
		drop_lock(h);
	free(h->socket_path);
	h->socket_path = NULL;
}

/* The groups that a peer had when it connected, its own and its supplementary ones. */
bool millrace_peer_in_group(int socket, gid_t own, gid_t wanted)
{
	gid_t groups[1024];
	socklen_t size = sizeof(groups);
	size_t i;

	if (own == wanted)
		return true;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}
