// SPDX-License-Identifier: MIT
/*
 * The sample accelerator: a device that computes, written once for both homes.
 *
 * Everything but DELAY completes at once. The memory that commands work on is the client's too, who
 * may change it meanwhile: results are then of no use to that client, and nothing else happens.
 */
#include <millrace/driver.h>

#include "crc32c.h"
#include "driver.h"
#include "sample.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

/* Long computations let others have the processor after this many bytes. */
#define PIECE (64u << 10)

/* A device's state: only ever touched by execute(), which runs for one command at a time. */
struct sample {
	__u64 tickets;
};

static int run_crc32c(struct millrace_cmd *cmd)
{
	const char *p = cmd->span[0].data;
	__u64 left = cmd->span[0].size;
	__u32 crc = cmd->param[3];

	while (left > PIECE) {
		crc = sample_crc32c(crc, p, PIECE);
		p += PIECE;
		left -= PIECE;
		millrace_yield();
	}
	cmd->output[0] = sample_crc32c(crc, p, left);
	return 0;
}

static __u64 piece_of(__u64 left)
{
	return left < PIECE ? left : PIECE;
}

/* The two may overlap: where the target lies behind the source, from the end on. */
static int run_copy(struct millrace_cmd *cmd)
{
	char *to = cmd->span[0].data;
	const char *from = cmd->span[1].data;
	__u64 size = cmd->span[0].size, left, n;

	for (left = size; left; left -= n) {
		__u64 at;

		n = piece_of(left);
		at = to <= from ? size - left : left - n;
		memmove(to + at, from + at, n);
		if (left > n)
			millrace_yield();
	}
	cmd->output[0] = size;
	return 0;
}

static int run_fill(struct millrace_cmd *cmd)
{
	char *to = cmd->span[0].data;
	__u64 size = cmd->span[0].size, left, n;

	for (left = size; left; left -= n) {
		n = piece_of(left);
		memset(to + (size - left), (unsigned char)cmd->param[3], n);
		if (left > n)
			millrace_yield();
	}
	cmd->output[0] = size;
	return 0;
}

/* The content may change while it is compared: each byte is judged by one look at it. */
static __u64 first_difference(const volatile __u8 *a, const volatile __u8 *b, __u64 size)
{
	__u64 i;

	for (i = 0; i < size; i++) {
		if (a[i] != b[i])
			break;
		if (i % PIECE == PIECE - 1)
			millrace_yield();
	}
	return i;
}

static int run_compare(struct millrace_cmd *cmd)
{
	cmd->output[0] =
		first_difference(cmd->span[0].data, cmd->span[1].data, cmd->span[0].size);
	return 0;
}

static int run_delay(struct millrace_cmd *cmd)
{
	if (cmd->param[0] > SAMPLE_DELAY_MAX)
		return -EINVAL;
	cmd->scratch[0] = millrace_now();
	millrace_cmd_delay(cmd, cmd->param[0]);
	return MILLRACE_LATER;
}

static void sample_expired(struct millrace_cmd *cmd)
{
	cmd->output[0] = millrace_now() - cmd->scratch[0];
	millrace_cmd_complete(cmd, 0);
}

static void sample_cancel(struct millrace_cmd *cmd)
{
	if (millrace_cmd_delay_stop(cmd))
		millrace_cmd_complete(cmd, -ECANCELED);
}

static int run_fail(struct millrace_cmd *cmd)
{
	__s64 status = cmd->param[0];

	return status < 0 && status >= -4095 ? (int)status : -EINVAL;
}

static int run_ticket(struct millrace_cmd *cmd)
{
	struct sample *sample = millrace_device_state(millrace_session_device(cmd->session));

	cmd->output[0] = sample->tickets++;
	return 0;
}

static int run_nop(struct millrace_cmd *cmd)
{
	(void)cmd;
	return 0;
}

static int run_add(struct millrace_cmd *cmd)
{
	cmd->output[0] = cmd->param[0] + cmd->param[1];
	return 0;
}

static int (*const run[])(struct millrace_cmd *cmd) = {
	[SAMPLE_NOP] = run_nop,	    [SAMPLE_ADD] = run_add,	[SAMPLE_CRC32C] = run_crc32c,
	[SAMPLE_COPY] = run_copy,   [SAMPLE_FILL] = run_fill,	[SAMPLE_COMPARE] = run_compare,
	[SAMPLE_DELAY] = run_delay, [SAMPLE_FAIL] = run_fail,	[SAMPLE_TICKET] = run_ticket,
};

/* Only commands with an operation of sample_ops[] come here. */
static int sample_execute(struct millrace_cmd *cmd)
{
	/* Saves what is measured most a call through a pointer, which kernels make expensive. */
	if (cmd->op->opcode == SAMPLE_NOP)
		return 0;
	return run[cmd->op->opcode](cmd);
}

static int sample_probe(struct millrace_device *device)
{
	(void)device;
	sample_crc32c_init();
	return 0;
}

/* Two buffers are (handle, offset), (handle, offset), size; one buffer is handle, offset, size. */
#define ONE  .spans = 1, .span = { { 0, 1, 2 } }
#define TWO  .spans = 2, .span = { { 0, 1, 4 }, { 2, 3, 4 } }

static const struct millrace_op sample_ops[] = {
	{ .name = "nop", .opcode = SAMPLE_NOP },
	{ .name = "add", .opcode = SAMPLE_ADD, .params = 2, .outputs = 1 },
	{ .name = "crc32c", .opcode = SAMPLE_CRC32C, .params = 4, .outputs = 1, ONE },
	{ .name = "copy", .opcode = SAMPLE_COPY, .params = 5, .outputs = 1, TWO },
	{ .name = "fill", .opcode = SAMPLE_FILL, .params = 4, .outputs = 1, ONE },
	{ .name = "compare", .opcode = SAMPLE_COMPARE, .params = 5, .outputs = 1, TWO },
	{ .name = "delay", .opcode = SAMPLE_DELAY, .params = 1, .outputs = 1 },
	{ .name = "fail", .opcode = SAMPLE_FAIL, .params = 1 },
	{ .name = "ticket", .opcode = SAMPLE_TICKET, .outputs = 1 },
};

const struct millrace_driver sample_driver = {
	.name = "sample",
	.ops = sample_ops,
	.op_count = sizeof(sample_ops) / sizeof(sample_ops[0]),
	.may_inline = true,
	.device_state = sizeof(struct sample),
	.probe = sample_probe,
	.execute = sample_execute,
	.cancel = sample_cancel,
	.expired = sample_expired,
};
