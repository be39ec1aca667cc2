// SPDX-License-Identifier: MIT
/* Several processes share one device: each has the CRC of its part of one file computed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c_combine.h"
#include "crc_job.h"
#include "demo.h"
#include "tool.h"

/* Long enough that all clients are at it at the same time, whatever the size of the file. */
#define SHARE_NS 1000000000ULL

/* A client's part of the file, as a source for a crc_job. */
struct part {
	int fd;
	uint64_t offset, end;
};

static ssize_t fill(void *arg, void *data, size_t size)
{
	struct part *part = arg;
	size_t have = 0;
	ssize_t n;

	if (size > part->end - part->offset)
		size = part->end - part->offset;
	while (have < size) {
		n = pread(part->fd, (char *)data + have, size - have, part->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += n;
		part->offset += n;
	}
	return have;
}

/* Again and again until the time is up; each pass has to give the same CRC. */
static int run_passes(const struct demo *demo, struct crc_job *job, struct demo_share *share)
{
	struct part *part = job->arg;
	uint64_t start = tool_now();
	int ret;

	do {
		part->offset = share->first * demo->block;
		ret = crc_job_run(job);
		if (ret && job->failure == CRC_FAILURE_SOURCE)
			return tool_file_failed(demo->file, ret);
		if (ret)
			return tool_device_failed(demo->device, ret);
		if (share->passes && job->crc != share->crc) {
			tool_complain("client %d: %08x, and in another pass %08x", share->pid,
				      job->crc, share->crc);
			return TOOL_FAILED;
		}
		share->crc = job->crc;
		share->bytes = job->bytes;
		share->passes++;
	} while (share->blocks && tool_now() - start < SHARE_NS);
	share->ns = tool_now() - start;
	share->commands = job->commands;
	share->groups = job->groups;
	return TOOL_OK;
}

/* Waits at the gate until all clients have a session, so that they start together. */
static int run_client(const struct demo *demo, struct demo_share *share, int ready, int gate)
{
	struct part part = { .end = (share->first + share->blocks) * demo->block };
	struct crc_job job = { .block = demo->block, .group = demo->group, .depth = demo->depth,
			       .fill = fill, .arg = &part };
	struct millrace_session_stats stats;
	char byte = 0;
	int ret;

	ret = tool_open(demo->device, &job.client);
	if (ret)
		return ret;
	ret = crc_job_open(&job);
	if (ret)
		return tool_device_failed(demo->device, ret);
	part.fd = open(demo->file, O_RDONLY | O_CLOEXEC);
	if (part.fd < 0)
		return tool_file_failed(demo->file, -errno);
	if (write(ready, &byte, 1) != 1)
		return TOOL_FAILED;
	close(ready); /* its end tells the demo that nobody else will get ready */
	if (read(gate, &byte, 1) < 0)
		return TOOL_FAILED;
	ret = run_passes(demo, &job, share);
	if (!ret && tool_own_stats(job.client, &stats))
		share->calls = stats.kicks + stats.waits;
	crc_job_close(&job);
	millrace_client_close(job.client);
	close(part.fd);
	return ret;
}

/* The pipes between the demo and its clients. */
struct pipes {
	int ready[2];  /* a byte from each client that has a session */
	int gate[2];   /* its end lets the clients start */
	int result[2]; /* a struct demo_share from each; smaller than PIPE_BUF */
};

static int start_client(const struct demo *demo, struct demo_share *share, struct pipes *pipes)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		tool_complain("fork: %s", strerror(errno));
		return TOOL_FAILED;
	}
	if (pid) {
		share->pid = pid;
		return TOOL_OK;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pipes->gate[1]);
	close(pipes->ready[0]);
	share->pid = getpid();
	share->exit = run_client(demo, share, pipes->ready[1], pipes->gate[0]);
	_exit(write(pipes->result[1], share, sizeof(*share)) == sizeof(*share) ? share->exit :
										  TOOL_FAILED);
}

/* Each result goes to the client that it is from. A client that fails leaves its exit code. */
static int collect(const struct demo *demo, struct demo_share *share, struct pipes *pipes)
{
	struct demo_share result;
	int status, ret = TOOL_OK;
	unsigned int i;

	while (read(pipes->result[0], &result, sizeof(result)) == sizeof(result))
		for (i = 0; i < demo->clients; i++)
			if (share[i].pid == result.pid)
				share[i] = result;
	for (i = 0; i < demo->clients; i++) {
		if (share[i].pid <= 0 || waitpid(share[i].pid, &status, 0) < 0)
			continue;
		if (WIFSIGNALED(status))
			tool_complain("client %d was killed by signal %d", share[i].pid,
				      WTERMSIG(status));
		if (status && !ret)
			ret = WIFEXITED(status) ? WEXITSTATUS(status) : TOOL_FAILED;
	}
	return ret;
}

static uint32_t combine(const struct demo *demo, const struct demo_share *share)
{
	uint32_t crc = 0;
	unsigned int i;

	for (i = 0; i < demo->clients; i++)
		crc = crc32c_combine(crc, share[i].crc, crc32c_shift(share[i].bytes));
	return crc;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int demo_share_run(const struct demo *demo, struct demo_share *share, uint32_t *crc)
{
	struct pipes pipes;
	unsigned int i, ready = 0;
	int ret = TOOL_OK;
	char byte;

	if (pipe2(pipes.ready, O_CLOEXEC) || pipe2(pipes.gate, O_CLOEXEC) ||
	    pipe2(pipes.result, O_CLOEXEC)) {
		tool_complain("pipe: %s", strerror(errno));
		return TOOL_FAILED;
	}
	for (i = 0; i < demo->clients && !ret; i++) {
		share[i].first = demo->blocks * i / demo->clients;
		share[i].blocks = demo->blocks * (i + 1) / demo->clients - share[i].first;
		ret = start_client(demo, &share[i], &pipes);
	}
	close_end(&pipes.ready[1]);
	close_end(&pipes.result[1]);
	while (read(pipes.ready[0], &byte, 1) == 1 && ++ready < demo->clients)
		tool_progress("%u of %ju clients have a session ...", ready, demo->clients);
	tool_progress("%u clients at work ...", ready);
	close_end(&pipes.gate[1]);
	i = collect(demo, share, &pipes);
	tool_progress_end();
	close_end(&pipes.ready[0]);
	close_end(&pipes.gate[0]);
	close_end(&pipes.result[0]);
	*crc = combine(demo, share);
	return ret ? ret : (int)i;
}
