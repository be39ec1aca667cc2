// SPDX-License-Identifier: MIT
/* millrace info */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

struct info_args {
	const char *device;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct info_args *args = state->input;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->device)
			argp_usage(state);
		args->device = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print one object", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DEV",
	.doc = "Shows what a device is and allows, and its operations with their numbers of parameters "
	       "and outputs.\v" TOOL_EXIT_CODES,
};

static int print_json(struct millrace_client *client, const struct millrace_info *info)
{
	json_t *ops = json_array();
	struct millrace_op_info op;
	unsigned int i;

	for (i = 0; i < info->ops && !millrace_client_op(client, i, &op); i++)
		json_array_append_new(ops, json_pack("{s:s, s:i, s:i, s:i}", "name", op.name,
						     "opcode", op.opcode, "params", op.params,
						     "outputs", op.outputs));
	return tool_print_json(json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"name", info->name, "driver", info->driver, "home", tool_home(info->home), "abi",
		(json_int_t)info->abi, "max_params", (json_int_t)info->max_params, "max_outputs",
		(json_int_t)info->max_outputs, "sqe_size", (json_int_t)info->sqe_size, "cqe_size",
		(json_int_t)info->cqe_size, "max_entries", (json_int_t)info->max_entries,
		"max_group", (json_int_t)info->max_group, "max_buffers",
		(json_int_t)info->max_buffers, "max_buffer_size",
		(json_int_t)info->max_buffer_size, "max_memory", (json_int_t)info->max_memory,
		"max_sessions",
		(json_int_t)info->max_sessions, "max_poll_us", (json_int_t)info->max_poll_us,
		"sessions", (json_int_t)info->sessions, "operations", ops));
}

static void print_text(struct millrace_client *client, const struct millrace_info *info)
{
	struct millrace_op_info op;
	unsigned int i;

	printf("%s: driver %s, home %s, ABI %u\n", info->name, info->driver, tool_home(info->home),
	       info->abi);
	printf("sessions       %u of at most %u\n", info->sessions, info->max_sessions);
	printf("rings          up to %u entries; a command %u bytes, a completion %u\n",
	       info->max_entries, info->sqe_size, info->cqe_size);
	printf("groups         up to %u commands\n", info->max_group);
	printf("buffers        up to %u a session, up to %llu bytes each, %llu together\n",
	       info->max_buffers, (unsigned long long)info->max_buffer_size,
	       (unsigned long long)info->max_memory);
	printf("polling        up to %u us after a command\n", info->max_poll_us);
	printf("\n%-16s %6s %6s %7s\n", "OPERATION", "OPCODE", "PARAMS", "OUTPUTS");
	for (i = 0; i < info->ops && !millrace_client_op(client, i, &op); i++)
		printf("%-16s %6u %6u %7u\n", op.name, op.opcode, op.params, op.outputs);
}

int tool_info(int argc, char **argv)
{
	struct info_args args = { 0 };
	struct millrace_client *client;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = tool_open(args.device, &client);
	if (ret)
		return ret;
	if (args.json)
		ret = print_json(client, millrace_client_info(client));
	else
		print_text(client, millrace_client_info(client));
	millrace_client_close(client);
	return ret;
}
