// SPDX-License-Identifier: MIT
/* millrace crc: the CRC-32C of a file, computed by a device through the rings. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <sample.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc_job.h"
#include "tool.h"

#define DEFAULT_BLOCK 4096
#define DEFAULT_GROUP 16
#define DEFAULT_DEPTH 4
#define MAX_BUFFER    (1ULL << 30) /* a group's bytes also have to fit isa-l's int */

struct crc {
	const char *file;
	const char *device;
	uint64_t block;
	uint64_t group; /* 0: not given */
	uint64_t depth; /* 0: not given */
	bool json;
	bool verify;

	int fd;
	uint32_t reference; /* isa-l's, before the inversion at the end */
	uint64_t ns;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct crc *crc = state->input;

	switch (key) {
	case 'd':
		crc->device = arg;
		return 0;
	case 'b':
		tool_parse_number(state, "--block", arg, MAX_BUFFER, &crc->block);
		return 0;
	case 'g':
		tool_parse_number(state, "--group", arg, UINT16_MAX, &crc->group);
		return 0;
	case 'q':
		tool_parse_number(state, "--depth", arg, UINT16_MAX, &crc->depth);
		return 0;
	case 'j':
		crc->json = true;
		return 0;
	case 'v':
		crc->verify = true;
		return 0;
	case ARGP_KEY_ARG:
		if (crc->file)
			argp_usage(state);
		crc->file = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "device", 'd', "DEV", 0, "The device that computes (sample0)", 0 },
	{ "block", 'b', "SIZE", 0, "Bytes of one command, such as 4k (4096)", 0 },
	{ "group", 'g', "N", 0, "Commands of one group (16)", 0 },
	{ "depth", 'q', "N", 0, "Groups on their way at a time (4)", 0 },
	{ "json", 'j', NULL, 0, "Print one object", 0 },
	{ "verify", 'v', NULL, 0, "Compute it with isa-l too, and compare", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Computes the CRC-32C of FILE (- is the standard input) with a device that has the "
	       "operations of `sample': block by block through the rings, the blocks' CRCs put "
	       "together.\v" TOOL_EXIT_CODES,
};

static int open_file(struct crc *crc)
{
	struct stat st;

	if (!strcmp(crc->file, "-")) {
		crc->fd = STDIN_FILENO;
		return TOOL_OK;
	}
	crc->fd = open(crc->file, O_RDONLY | O_CLOEXEC);
	if (crc->fd < 0)
		return tool_file_failed(crc->file, -errno);
	if (!fstat(crc->fd, &st) && S_ISDIR(st.st_mode)) {
		close(crc->fd);
		return tool_file_failed(crc->file, -EISDIR);
	}
	return TOOL_OK;
}

/* Counts what was read, whatever size the file had or will have. */
static ssize_t fill(void *arg, void *data, size_t size)
{
	struct crc *crc = arg;
	ssize_t n = crc_read_fully(crc->fd, data, size);

	if (n > 0 && crc->verify)
		crc->reference = crc32_iscsi(data, n, crc->reference);
	return n;
}

/* Defaults give way to what the device allows; what the user asked for does not. */
static int choose(struct crc *crc, const struct millrace_info *info, struct crc_job *job)
{
	uint64_t most = info->max_buffer_size < MAX_BUFFER ? info->max_buffer_size : MAX_BUFFER;
	uint64_t group = crc->group ? crc->group : DEFAULT_GROUP;
	uint64_t depth = crc->depth ? crc->depth : DEFAULT_DEPTH;

	while (!crc->depth && depth > 1 &&
	       (depth * group * crc->block > most || depth * group > info->max_entries))
		depth--;
	while (!crc->group && group > 1 &&
	       (group > info->max_group || depth * group * crc->block > most ||
		depth * group > info->max_entries))
		group--;
	if (group > info->max_group)
		tool_complain("--group %ju: %s takes up to %u", group, crc->device, info->max_group);
	else if (depth * group > info->max_entries)
		tool_complain("%ju commands on their way: the rings of %s take up to %u (give a "
			      "smaller --depth or --group)",
			      depth * group, crc->device, info->max_entries);
	else if (depth * group * crc->block > most)
		tool_complain("a buffer of %ju bytes: up to %ju are possible (give a smaller "
			      "--block, --depth or --group)",
			      depth * group * crc->block, most);
	else {
		job->block = crc->block;
		job->group = group;
		job->depth = depth;
		return TOOL_OK;
	}
	return TOOL_USAGE;
}

static int failed(const struct crc *crc, const struct crc_job *job, int err)
{
	switch (job->failure) {
	case CRC_FAILURE_SOURCE:
		return tool_file_failed(crc->file, err);
	case CRC_FAILURE_COMMAND:
		tool_complain("%s: a crc32c command failed: %s", crc->device, strerror(-err));
		return TOOL_FAILED;
	default:
		return tool_device_failed(crc->device, err);
	}
}

static int print_json(const struct crc *crc, const struct crc_job *job)
{
	const struct millrace_info *info = millrace_client_info(job->client);
	char text[9], reference[9];

	snprintf(text, sizeof(text), "%08x", job->crc);
	snprintf(reference, sizeof(reference), "%08x", ~crc->reference);
	return tool_print_json(json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s*}", "file", crc->file,
		"device", info->name, "home", tool_home(info->home), "crc32c", text, "bytes",
		(json_int_t)job->bytes, "commands", (json_int_t)job->commands, "groups",
		(json_int_t)job->groups, "block", (json_int_t)job->block, "group",
		(json_int_t)job->group, "depth", (json_int_t)job->depth, "seconds", crc->ns / 1e9,
		"reference", crc->verify ? reference : NULL));
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static int report(const struct crc *crc, const struct crc_job *job)
{
	bool wrong = crc->verify && job->crc != ~crc->reference;
	int ret = TOOL_OK;

	if (crc->json)
		ret = print_json(crc, job);
	else
		printf("%08x  %s: %s%ju byte%s in %ju command%s, %ju group%s%s\n", job->crc,
		       crc->file, job->bytes ? "" : "empty, ", job->bytes, plural(job->bytes),
		       job->commands, plural(job->commands), job->groups, plural(job->groups),
		       crc->verify && !wrong ? ", isa-l agrees" : "");
	if (!wrong)
		return ret;
	tool_complain("%s: %s computed %08x and isa-l %08x", crc->file, crc->device, job->crc,
		      ~crc->reference);
	return TOOL_FAILED;
}

static int compute(struct crc *crc, struct millrace_client *client)
{
	struct crc_job job = { .client = client, .fill = fill, .arg = crc };
	int ret;

	if (!tool_has_op(client, SAMPLE_CRC32C, "crc32c")) {
		tool_complain("%s: it has no crc32c as the sample driver's (see millrace info)",
			      crc->device);
		return TOOL_FAILED;
	}
	ret = choose(crc, millrace_client_info(client), &job);
	if (ret)
		return ret;
	ret = crc_job_open(&job);
	if (ret)
		return failed(crc, &job, ret);
	crc->ns = tool_now();
	ret = crc_job_run(&job);
	crc->ns = tool_now() - crc->ns;
	ret = ret ? failed(crc, &job, ret) : report(crc, &job);
	crc_job_close(&job);
	return ret;
}

int tool_crc(int argc, char **argv)
{
	struct crc crc = { .device = "sample0", .block = DEFAULT_BLOCK, .reference = ~0u };
	struct millrace_client *client;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &crc);
	ret = open_file(&crc);
	if (ret)
		return ret;
	ret = tool_open(crc.device, &client);
	if (!ret) {
		ret = compute(&crc, client);
		millrace_client_close(client);
	}
	if (crc.fd != STDIN_FILENO)
		close(crc.fd);
	return ret;
}
