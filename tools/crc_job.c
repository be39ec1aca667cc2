// SPDX-License-Identifier: MIT
#include "crc_job.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crc32c_combine.h"
#include "sample.h"
#include "tool.h"

ssize_t crc_read_fully(int fd, void *data, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size) {
		n = read(fd, (char *)data + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += n;
	}
	return have;
}

static int fail(struct crc_job *job, enum crc_failure failure, int err)
{
	job->failure = failure;
	return err;
}

static int make_slots(struct crc_job *job)
{
	uint32_t i;

	job->slot = calloc(job->depth, sizeof(*job->slot));
	job->crcs = calloc((size_t)job->depth * job->group, sizeof(*job->crcs));
	if (!job->slot || !job->crcs)
		return -ENOMEM;
	for (i = 0; i < job->depth; i++)
		job->slot[i].crc = job->crcs + (size_t)i * job->group;
	return 0;
}

int crc_job_open(struct crc_job *job)
{
	struct millrace_queue_params params = { .entries = tool_round_up(job->depth * job->group) };
	int ret;

	job->block_shift = crc32c_shift(job->block);
	ret = make_slots(job);
	if (ret)
		goto close;
	ret = millrace_queue_setup(job->client, &params);
	if (ret)
		goto close;
	ret = millrace_buffer_create(job->client, (uint64_t)job->depth * job->group * job->block,
				     &job->memory);
	if (ret)
		goto close;
	return 0;
close:
	crc_job_close(job);
	return fail(job, CRC_FAILURE_DEVICE, ret);
}

void crc_job_close(struct crc_job *job)
{
	if (job->memory.data)
		millrace_buffer_free(job->client, &job->memory);
	job->memory.data = NULL;
	free(job->crcs);
	free(job->slot);
	job->crcs = NULL;
	job->slot = NULL;
}

static uint32_t min_size(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Command @i of a group names block @i of its slot; the last block may be shorter. */
static void fill_in(struct crc_job *job, const struct millrace_slots *sq, uint32_t index)
{
	struct crc_slot *slot = &job->slot[index];
	uint32_t i;

	for (i = 0; i < slot->pending; i++) {
		struct millrace_sqe *sqe = millrace_sqe(sq, i);
		uint64_t offset = (uint64_t)i * job->block;

		millrace_sqe_prepare(sqe, SAMPLE_CRC32C, (uint64_t)index * job->group + i);
		sqe->param[0] = job->memory.handle;
		sqe->param[1] = (uint64_t)index * job->group * job->block + offset;
		sqe->param[2] = min_size(job->block, slot->bytes - offset);
		sqe->param[3] = 0;
	}
}

static int start_group(struct crc_job *job)
{
	uint32_t index = job->groups % job->depth;
	size_t size = (size_t)job->group * job->block;
	struct crc_slot *slot = &job->slot[index];
	struct millrace_slots sq;
	ssize_t n;
	int ret;

	n = job->fill(job->arg, (char *)job->memory.data + index * size, size);
	if (n < 0)
		return fail(job, CRC_FAILURE_SOURCE, n);
	job->end = (size_t)n < size;
	if (!n)
		return 0;
	slot->bytes = n;
	slot->pending = (n + job->block - 1) / job->block;
	ret = millrace_queue_reserve_group(job->client, slot->pending, &sq);
	if (ret < 0)
		return fail(job, CRC_FAILURE_DEVICE, ret);
	fill_in(job, &sq, index);
	job->reserved = true;
	job->commands += slot->pending;
	job->groups++;
	return 0;
}

/* The order in which commands complete is the device's affair: each says which block it was. */
static int take(struct crc_job *job, const struct millrace_slots *cq, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		const struct millrace_cqe *cqe = millrace_cqe(cq, i);
		uint64_t block = cqe->user_data;

		if (block >= (uint64_t)job->depth * job->group || !job->slot[block / job->group].pending)
			return fail(job, CRC_FAILURE_DEVICE, -EPROTO);
		if (cqe->status)
			return fail(job, CRC_FAILURE_COMMAND, cqe->status);
		job->crcs[block] = cqe->output[0];
		job->slot[block / job->group].pending--;
	}
	return 0;
}

static void append_group(struct crc_job *job, const struct crc_slot *slot)
{
	uint32_t i, size, shift;
	size_t left;

	for (i = 0, left = slot->bytes; left; i++, left -= size) {
		size = min_size(job->block, left);
		shift = size == job->block ? job->block_shift : crc32c_shift(size);
		job->crc = crc32c_combine(job->crc, slot->crc[i], shift);
	}
	job->bytes += slot->bytes;
	job->finished++;
}

/* Waits for all of the oldest group at once, so that it costs one wake-up at most. */
static int finish_groups(struct crc_job *job)
{
	struct crc_slot *slot = &job->slot[job->finished % job->depth];
	struct millrace_slots cq;
	int n, ret;

	if (job->reserved)
		n = millrace_queue_submit_and_wait(job->client, slot->pending, MILLRACE_FOREVER);
	else
		n = millrace_queue_wait(job->client, slot->pending, MILLRACE_FOREVER);
	job->reserved = false;
	if (n < 0 && n != -EINTR)
		return fail(job, CRC_FAILURE_DEVICE, n);
	n = millrace_queue_peek(job->client, &cq);
	if (n < 0)
		return fail(job, CRC_FAILURE_DEVICE, n);
	ret = take(job, &cq, n);
	millrace_queue_release(job->client, n);
	while (!ret && job->finished < job->groups && !slot->pending) {
		append_group(job, slot);
		slot = &job->slot[job->finished % job->depth];
	}
	return ret;
}

int crc_job_run(struct crc_job *job)
{
	int ret = 0;

	job->crc = 0;
	job->end = false;
	job->bytes = 0;
	while (!ret) {
		while (!ret && !job->end && job->groups - job->finished < job->depth)
			ret = start_group(job);
		if (ret || job->groups == job->finished)
			break;
		ret = finish_groups(job);
	}
	return ret;
}
