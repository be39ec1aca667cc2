// SPDX-License-Identifier: MIT
/* The demo's transport over Millrace's rings. */
#include <errno.h>
#include <string.h>

#include "demo.h"
#include "sample.h"
#include "tool.h"

static int rings_send(struct transport *t, uint32_t first, uint32_t n)
{
	struct millrace_slots sq;
	uint32_t i;
	int ret;

	ret = millrace_queue_reserve_group(t->client, n, &sq);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		struct millrace_sqe *sqe = millrace_sqe(&sq, i);

		millrace_sqe_prepare(sqe, SAMPLE_CRC32C, first + i);
		sqe->param[0] = t->memory.handle;
		sqe->param[1] = (first + i) * t->demo->block;
		sqe->param[2] = demo_size(t->demo, first + i, 1);
		sqe->param[3] = 0;
	}
	ret = millrace_queue_submit(t->client);
	return ret < 0 ? ret : 0;
}

/* A device completes CRCs in their order, so the first @n completions are those of this group. */
static int rings_receive(struct transport *t, uint32_t first, uint32_t n)
{
	struct millrace_slots cq;
	uint32_t i;
	int ret;

	do
		ret = millrace_queue_wait(t->client, n, MILLRACE_FOREVER);
	while (ret == -EINTR);
	if (ret < 0)
		return ret;
	ret = millrace_queue_peek(t->client, &cq);
	if (ret < (int)n)
		return ret < 0 ? ret : -ENODEV;
	for (i = 0, ret = 0; i < n && !ret; i++) {
		const struct millrace_cqe *cqe = millrace_cqe(&cq, i);

		ret = cqe->status;
		if (!ret && (cqe->user_data != first + i ||
			     cqe->output[0] != t->demo->expected[first + i]))
			ret = -EBADMSG;
	}
	millrace_queue_release(t->client, n);
	return ret;
}

static uint64_t rings_calls(struct transport *t)
{
	struct millrace_session_stats stats;

	return tool_own_stats(t->client, &stats) ? stats.kicks + stats.waits : 0;
}

static void rings_close(struct transport *t)
{
	millrace_client_close(t->client);
}

static const struct transport_ops rings_ops = {
	.send = rings_send,
	.receive = rings_receive,
	.calls = rings_calls,
	.close = rings_close,
};

int demo_rings_open(struct transport *t, const struct demo *demo)
{
	struct millrace_queue_params params = { .entries = tool_round_up(demo->group * demo->depth),
						.spin_us = demo->spin_us };
	int ret;

	t->demo = demo;
	ret = millrace_client_open(demo->device, &t->client);
	if (ret)
		return ret;
	ret = millrace_queue_setup(t->client, &params);
	if (!ret)
		ret = millrace_buffer_create(t->client, demo->sample_bytes, &t->memory);
	if (ret) {
		millrace_client_close(t->client);
		return ret;
	}
	memcpy(t->memory.data, demo->sample, demo->sample_bytes);
	t->ops = &rings_ops;
	return 0;
}
