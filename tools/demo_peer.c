// SPDX-License-Identifier: MIT
/*
 * The demo's transports over a pair of pipes or a UNIX socket, to a server process that computes with
 * the sample driver's own CRC code. One write starts a group and one read takes its results, as a
 * careful program would do it; the data goes along with the request, or is in memory that both share.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c.h"
#include "demo.h"

#define PIPE_SIZE (1 << 20) /* what a plain user may have: a group goes in whole */

struct request {
	uint32_t blocks;
	uint32_t shared;
	uint64_t offset; /* in the sample */
	uint64_t size;	 /* bytes */
};

/* ---- The server ---------------------------------------------------------------------------- */

/* What was read and not used yet: [head, tail) of a buffer that has room for several requests. */
struct inbox {
	int fd;
	char *data;
	size_t size, head, tail;
};

/* Has at least @need bytes in the inbox, with as few reads as it takes. False at the end. */
static bool fetch(struct inbox *in, size_t need)
{
	ssize_t n;

	if (in->head == in->tail)
		in->head = in->tail = 0;
	if (in->size - in->head < need) {
		memmove(in->data, in->data + in->head, in->tail - in->head);
		in->tail -= in->head;
		in->head = 0;
	}
	while (in->tail - in->head < need) {
		n = read(in->fd, in->data + in->tail, in->size - in->tail);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return false;
		in->tail += n > 0 ? n : 0;
	}
	return true;
}

static bool write_fully(int fd, const void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(fd, (const char *)data + done, size - done);
		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? n : 0;
	}
	return true;
}

static void compute(const struct demo *demo, const struct request *r, const char *data, uint32_t *crc)
{
	uint64_t left = r->size;
	uint32_t i;

	for (i = 0; i < r->blocks; i++) {
		size_t size = left < demo->block ? left : demo->block;

		crc[i] = sample_crc32c(0, data, size);
		data += size;
		left -= size;
	}
}

static _Noreturn void serve(const struct demo *demo, int from, int to)
{
	size_t most = sizeof(struct request) + demo->group * demo->block;
	struct inbox in = { .fd = from, .size = 4 * most, .data = malloc(4 * most) };
	uint32_t *crc = calloc(demo->group, sizeof(*crc));
	struct request r;

	sample_crc32c_init();
	while (in.data && crc && fetch(&in, sizeof(r))) {
		memcpy(&r, in.data + in.head, sizeof(r));
		if (!r.shared && !fetch(&in, sizeof(r) + r.size))
			break;
		in.head += sizeof(r);
		compute(demo, &r,
			r.shared ? (char *)demo->sample + r.offset : in.data + in.head, crc);
		if (!r.shared)
			in.head += r.size;
		if (!write_fully(to, crc, r.blocks * sizeof(*crc)))
			break;
	}
	_exit(0);
}

/* ---- The client ---------------------------------------------------------------------------- */

static int peer_send(struct transport *t, uint32_t first, uint32_t n)
{
	struct request r = {
		.blocks = n,
		.shared = t->shared,
		.offset = first * t->demo->block,
		.size = demo_size(t->demo, first, n),
	};
	struct iovec iov[2] = {
		{ .iov_base = &r, .iov_len = sizeof(r) },
		{ .iov_base = t->demo->sample + r.offset, .iov_len = t->shared ? 0 : r.size },
	};
	size_t left = iov[0].iov_len + iov[1].iov_len;
	ssize_t done;
	int i;

	while (left) {
		t->calls++;
		done = writev(t->to, iov, 2);
		if (done < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < 2 && done > 0; i++) {
			size_t part = (size_t)done < iov[i].iov_len ? (size_t)done : iov[i].iov_len;

			iov[i].iov_base = (char *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			left -= part;
			done -= part;
		}
	}
	return 0;
}

static int peer_receive(struct transport *t, uint32_t first, uint32_t n)
{
	uint32_t crc[UINT16_MAX];
	size_t have = 0;
	ssize_t got;

	while (have < n * sizeof(*crc)) {
		t->calls++;
		got = read(t->from, (char *)crc + have, n * sizeof(*crc) - have);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return -ECONNRESET;
		have += got > 0 ? got : 0;
	}
	return memcmp(crc, t->demo->expected + first, n * sizeof(*crc)) ? -EBADMSG : 0;
}

static uint64_t peer_calls(struct transport *t)
{
	return t->calls;
}

/* The server ends when nobody is left to ask it. */
static void peer_close(struct transport *t)
{
	close(t->to);
	if (t->from != t->to)
		close(t->from);
	kill(t->pid, SIGTERM);
	waitpid(t->pid, NULL, 0);
}

static const struct transport_ops peer_ops = {
	.send = peer_send,
	.receive = peer_receive,
	.calls = peer_calls,
	.close = peer_close,
};

/* [0] is the client's reading end, [1] its writing end; [2] and [3] the server's. */
static int make_pipes(int fd[4])
{
	int back[2], forth[2];

	if (pipe2(back, O_CLOEXEC))
		return -errno;
	if (pipe2(forth, O_CLOEXEC)) {
		close(back[0]);
		close(back[1]);
		return -errno;
	}
	fcntl(forth[0], F_SETPIPE_SZ, PIPE_SIZE);
	fd[0] = back[0];
	fd[1] = forth[1];
	fd[2] = forth[0];
	fd[3] = back[1];
	return 0;
}

static int make_socket(int fd[4])
{
	int pair[2], i, size = PIPE_SIZE;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	for (i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fd[0] = fd[1] = pair[0];
	fd[2] = fd[3] = pair[1];
	return 0;
}

int demo_peer_open(struct transport *t, const struct demo *demo)
{
	int fd[4] = { -1, -1, -1, -1 }, ret;

	t->demo = demo;
	ret = strstr(t->key, "pipe") ? make_pipes(fd) : make_socket(fd);
	if (ret)
		return ret;
	t->pid = fork();
	if (!t->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[0]);
		close(fd[1]);
		serve(demo, fd[2], fd[3]);
	}
	ret = t->pid < 0 ? -errno : 0;
	close(fd[2]);
	if (fd[3] != fd[2])
		close(fd[3]);
	t->from = fd[0];
	t->to = fd[1];
	if (ret) {
		close(t->to);
		if (t->from != t->to)
			close(t->from);
		return ret;
	}
	t->ops = &peer_ops;
	return 0;
}
