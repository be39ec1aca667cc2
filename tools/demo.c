// SPDX-License-Identifier: MIT
/* millrace-demo: see demo.h; scripts/demo starts a driver's home for it. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crc_job.h"
#include "demo.h"
#include "tool.h"

static void parse_seconds(struct argp_state *state, const char *arg, double *seconds)
{
	char *end;

	*seconds = strtod(arg, &end);
	if (*end || !(*seconds >= 0.01 && *seconds <= 3600))
		argp_error(state, "--seconds: %s is not a number from 0.01 to 3600", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct demo *demo = state->input;

	switch (key) {
	case 'd':
		demo->device = arg;
		return 0;
	case 'c':
		tool_parse_number(state, "--clients", arg, DEMO_CLIENTS, &demo->clients);
		return 0;
	case 'b':
		tool_parse_number(state, "--block", arg, 1 << 20, &demo->block);
		return 0;
	case 'g':
		tool_parse_number(state, "--group", arg, 256, &demo->group);
		return 0;
	case 'q':
		tool_parse_number(state, "--depth", arg, 64, &demo->depth);
		return 0;
	case 'r':
		tool_parse_number(state, "--rounds", arg, DEMO_ROUNDS, &demo->rounds);
		return 0;
	case 's':
		parse_seconds(state, arg, &demo->seconds);
		return 0;
	case 'S':
		if (!strcmp(arg, "never"))
			demo->spin_us = MILLRACE_SPIN_NEVER;
		else
			tool_parse_number(state, "--spin", arg, 1000000, &demo->spin_us);
		return 0;
	case 'j':
		demo->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (demo->file)
			argp_usage(state);
		demo->file = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "device", 'd', "DEV", 0, "The device, with the sample driver's operations (sample0)", 0 },
	{ "clients", 'c', "N", 0, "Processes that share it (4)", 0 },
	{ "block", 'b', "SIZE", 0, "Bytes of one command (4096)", 0 },
	{ "group", 'g', "N", 0, "Commands of one group (16)", 0 },
	{ "depth", 'q', "N", 0, "Groups on their way at a time (4)", 0 },
	{ "rounds", 'r', "N", 0, "Turns of each transport (5)", 0 },
	{ "seconds", 's', "SECONDS", 0, "Time for measuring altogether (10)", 0 },
	{ "spin", 'S', "US", 0,
	  "How long the measured client spins before it sleeps, in us, or never (the library's own)",
	  0 },
	{ "json", 'j', NULL, 0, "Print one object", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Has several processes share a device to compute the CRC-32C of FILE, compares it with "
	       "isa-l's, and then measures the same job over the device's rings, pipes and UNIX "
	       "sockets in turns.\v" TOOL_EXIT_CODES,
};

/* ---- What is known without Millrace -------------------------------------------------------- */

static int read_reference(struct demo *demo, int fd)
{
	static unsigned char piece[1 << 20];
	uint32_t crc = ~0u;
	ssize_t n;

	while ((n = crc_read_fully(fd, piece, sizeof(piece))) > 0) {
		crc = crc32_iscsi(piece, n, crc);
		if (demo->bytes < DEMO_SAMPLE)
			memcpy(demo->sample + demo->bytes, piece, n);
		demo->bytes += n;
		if (n < (ssize_t)sizeof(piece))
			break;
	}
	demo->reference = ~crc;
	return n < 0 ? n : 0;
}

static int prepare_blocks(struct demo *demo)
{
	uint32_t i;

	demo->blocks = (demo->bytes + demo->block - 1) / demo->block;
	demo->sample_bytes = demo->bytes < DEMO_SAMPLE ? demo->bytes : DEMO_SAMPLE;
	demo->sample_blocks = (demo->sample_bytes + demo->block - 1) / demo->block;
	demo->expected = calloc(demo->sample_blocks, sizeof(*demo->expected));
	if (!demo->expected)
		return -ENOMEM;
	for (i = 0; i < demo->sample_blocks; i++)
		demo->expected[i] = ~crc32_iscsi(demo->sample + i * demo->block,
						 demo_size(demo, i, 1), ~0u);
	return 0;
}

static int prepare(struct demo *demo)
{
	int ret, fd = open(demo->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return tool_file_failed(demo->file, -errno);
	demo->sample = mmap(NULL, DEMO_SAMPLE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	ret = demo->sample == MAP_FAILED ? -errno : read_reference(demo, fd);
	close(fd);
	if (!ret && !demo->bytes) {
		tool_complain("%s: it is empty, there is nothing to show", demo->file);
		return TOOL_FAILED;
	}
	if (!ret)
		ret = prepare_blocks(demo);
	return ret ? tool_file_failed(demo->file, ret) : TOOL_OK;
}

/* Whether the device is there and takes what was asked for; before any process is started. */
static int check_device(struct demo *demo)
{
	const struct millrace_info *info;
	struct millrace_client *client;
	int ret = tool_open(demo->device, &client);

	if (ret)
		return ret;
	info = millrace_client_info(client);
	snprintf(demo->home, sizeof(demo->home), "%s", tool_home(info->home));
	if (demo->group > info->max_group || demo->group * demo->depth > info->max_entries) {
		tool_complain("%s: groups of up to %u, up to %u commands on their way",
			      demo->device, info->max_group, info->max_entries);
		ret = TOOL_USAGE;
	}
	millrace_client_close(client);
	return ret;
}

/* ---- The end ------------------------------------------------------------------------------- */

static void print_shares(const struct demo *demo, const struct demo_share *share)
{
	double rate = 0;
	unsigned int i;

	for (i = 0; i < demo->clients; i++) {
		rate += share[i].commands * 1e9 / share[i].ns;
		printf("  client %u (pid %d): ", i + 1, share[i].pid);
		if (!share[i].blocks) {
			printf("nothing to do, the file has fewer blocks than there are clients\n");
			continue;
		}
		printf("blocks %ju..%ju, %ju passes, %ju commands in %ju groups, CRC %08x\n",
		       share[i].first, share[i].first + share[i].blocks - 1, share[i].passes,
		       share[i].commands, share[i].groups, share[i].crc);
	}
	printf("  together %.0f commands/s, %.0f MB/s\n", rate, rate * demo->block / 1e6);
}

static json_t *shares_json(const struct demo *demo, const struct demo_share *share)
{
	json_t *list = json_array();
	char crc[9];
	unsigned int i;

	for (i = 0; i < demo->clients; i++) {
		snprintf(crc, sizeof(crc), "%08x", share[i].crc);
		json_array_append_new(
			list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s}", "first",
					(json_int_t)share[i].first, "blocks",
					(json_int_t)share[i].blocks, "bytes",
					(json_int_t)share[i].bytes, "passes",
					(json_int_t)share[i].passes, "commands",
					(json_int_t)share[i].commands, "groups",
					(json_int_t)share[i].groups, "commands_per_s",
					share[i].ns ? share[i].commands * 1e9 / share[i].ns : 0.0,
					"system_calls_per_1000",
					share[i].commands ?
						share[i].calls * 1000.0 / share[i].commands : 0.0,
					"crc32c", crc));
	}
	return list;
}

static int print_json(const struct demo *demo, const struct demo_share *share,
		      struct transport *transports, uint32_t crc)
{
	char text[9], reference[9];

	snprintf(text, sizeof(text), "%08x", crc);
	snprintf(reference, sizeof(reference), "%08x", demo->reference);
	return tool_print_json(json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:b, s:o, s:o}", "device",
		demo->device, "home", demo->home, "file", demo->file, "bytes",
		(json_int_t)demo->bytes, "block", (json_int_t)demo->block, "blocks",
		(json_int_t)demo->blocks, "group", (json_int_t)demo->group, "depth",
		(json_int_t)demo->depth, "crc32c", text, "reference", reference, "match",
		crc == demo->reference, "clients", shares_json(demo, share), "transports",
		demo_measure_json(demo, transports)));
}

static int run(struct demo *demo, struct transport *transports)
{
	static struct demo_share share[DEMO_CLIENTS];
	const char *name = basename(strdupa(demo->file));
	uint32_t crc;
	int ret;

	if (!demo->json)
		printf("demo: %ju processes share %s (%s home) for %s: %.1f MB, %ju blocks of %ju "
		       "bytes\n",
		       demo->clients, demo->device, demo->home, name, demo->bytes / 1e6,
		       demo->blocks, demo->block);
	ret = demo_share_run(demo, share, &crc);
	if (ret)
		return ret;
	if (!demo->json)
		print_shares(demo, share);
	if (crc != demo->reference)
		tool_complain("%s: the device computed 0x%08x, isa-l 0x%08x", demo->file, crc,
			      demo->reference);
	fflush(stdout);
	ret = demo_measure_run(demo, transports);
	if (ret)
		return ret;
	if (demo->json)
		ret = print_json(demo, share, transports, crc);
	else
		demo_measure_print(demo, transports);
	if (crc != demo->reference)
		return TOOL_FAILED;
	if (!demo->json)
		printf("\ndemo: ok: %s, %.1f MB in %ju blocks, CRC-32C 0x%08x matches isa-l\n", name,
		       demo->bytes / 1e6, demo->blocks, crc);
	return ret;
}

int main(int argc, char **argv)
{
	static struct transport transports[DEMO_TRANSPORTS];
	struct demo demo = {
		.device = "sample0",
		.clients = 4,
		.block = 4096,
		.group = 16,
		.depth = 4,
		.rounds = 5,
		.seconds = 10,
	};
	int ret;

	argp_err_exit_status = TOOL_USAGE;
	argp_program_version = "millrace-demo " MILLRACE_VERSION;
	argp_parse(&argp, argc, argv, 0, NULL, &demo);
	signal(SIGPIPE, SIG_IGN);
	ret = prepare(&demo);
	if (!ret)
		ret = check_device(&demo);
	if (!ret)
		ret = run(&demo, transports);
	demo_measure_end(transports);
	free(demo.expected);
	return tool_finish(ret);
}
