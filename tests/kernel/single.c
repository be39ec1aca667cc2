// SPDX-License-Identifier: GPL-2.0
/*
 * A device for one client at a time, with limits and operations that are not the sample's: a test's
 * driver, compiled into both homes. tests/client/declared.c holds the homes to what it declares.
 */
#ifdef __KERNEL__
#include <linux/module.h>
#endif

#include <millrace/driver.h>

#include "single.h"

struct device_state {
	__u64 opened, closed;
	int refuse_with; /* the next client that comes; 0: welcome */
};

struct session_state {
	__u64 sum;
};

static struct device_state *state_of(struct millrace_session *session)
{
	return millrace_device_state(millrace_session_device(session));
}

static int single_open(struct millrace_session *session)
{
	struct device_state *state = state_of(session);
	int err = state->refuse_with;

	state->refuse_with = 0;
	if (!err)
		state->opened++;
	return err;
}

static void single_close(struct millrace_session *session)
{
	state_of(session)->closed++;
}

/* The sum of all that the session has sent, and of this command's thirty parameters backwards. */
static int run_sum(struct millrace_cmd *cmd)
{
	struct session_state *own = millrace_session_state(cmd->session);
	unsigned int i;

	for (i = 0; i < SINGLE_PARAMS; i++)
		own->sum += cmd->param[i];
	cmd->output[0] = own->sum;
	for (i = 1; i < SINGLE_PARAMS; i++)
		cmd->output[i] = cmd->param[SINGLE_PARAMS - i];
	return 0;
}

static int single_execute(struct millrace_cmd *cmd)
{
	struct device_state *state = state_of(cmd->session);

	switch (cmd->op->opcode) {
	case SINGLE_SUM:
		return run_sum(cmd);
	case SINGLE_REFUSE:
		state->refuse_with = (int)cmd->param[0];
		return 0;
	case SINGLE_CLIENTS:
		cmd->output[0] = state->opened;
		cmd->output[1] = state->closed;
		return 0;
	}
	return 5; /* no status, and not MILLRACE_LATER: a mistake of a driver's */
}

static const struct millrace_op single_ops[] = {
	{ .name = "sum", .opcode = SINGLE_SUM, .params = SINGLE_PARAMS, .outputs = SINGLE_PARAMS },
	{ .name = "refuse", .opcode = SINGLE_REFUSE, .params = 1 },
	{ .name = "clients", .opcode = SINGLE_CLIENTS, .outputs = 2 },
	{ .name = "mistake", .opcode = SINGLE_MISTAKE },
};

static const struct millrace_driver single_driver = {
	.name = "single",
	.ops = single_ops,
	.op_count = 4,
	.max_entries = 16,
	.max_group = 4,
	.max_sessions = 1,
	.max_buffers = 2,
	.max_buffer_size = 8192,
	.max_memory = 12288,
	.may_inline = true,
	.device_state = sizeof(struct device_state),
	.session_state = sizeof(struct session_state),
	.open = single_open,
	.close = single_close,
	.execute = single_execute,
};

#ifdef __KERNEL__
MILLRACE_KERNEL_DRIVER(single_driver);
MODULE_DESCRIPTION("Millrace test: a device for one client");
MODULE_LICENSE("GPL");
#else
MILLRACE_PROCESS_DRIVER(single_driver);
#endif
