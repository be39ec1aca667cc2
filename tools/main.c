// SPDX-License-Identifier: MIT
/* The millrace command: picks the subcommand. Start reading at crc.c. */
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
	{ "list", tool_list }, { "info", tool_info },	{ "crc", tool_crc },
	{ "bench", tool_bench }, { "stats", tool_stats },
};

static const char doc[] =
	"Devices on the fast path between an application and its driver.\v"
	"Commands:\n"
	"  list          the devices that are there, in the kernel and in processes\n"
	"  info DEV      what a device is and allows, and its operations\n"
	"  crc FILE      CRC-32C of a file, computed by a device\n"
	"  bench DEV     a quick look at how fast a device answers\n"
	"  stats [DEV]   who uses a device, and how much\n"
	"\n"
	"`millrace COMMAND --help' says more. A device is a name from `millrace list', "
	"/dev/millrace/NAME, unix:PATH, or local:DRIVER for one of this process's own. "
	TOOL_EXIT_CODES;

/* argp itself, in the order given: what follows the subcommand is the subcommand's. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *first = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARG:
		*first = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int run(const struct subcommand *subcommand, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "millrace %s", subcommand->name);
	argv[0] = name;
	return tool_finish(subcommand->run(argc, argv));
}

/*
 * A standard descriptor that was closed would become the device's, or a file's. In its place comes one
 * that gives an error when it is used: of the wrong direction.
 */
static void keep_standard_descriptors(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .parser = parse, .args_doc = "COMMAND [ARG...]", .doc = doc };
	int first = argc;
	size_t i;

	keep_standard_descriptors();
	argp_program_version = "millrace " MILLRACE_VERSION;
	argp_err_exit_status = TOOL_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &first);
	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (!strcmp(argv[first], subcommands[i].name))
			return run(&subcommands[i], argc - first, argv + first);
	tool_complain("%s: no such command (`millrace --help' lists them)", argv[first]);
	return TOOL_USAGE;
}
