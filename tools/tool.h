/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of `millrace` share: exit codes, messages, opening a device, numbers.
 *
 * A subcommand is a function that gets its own argv and returns an exit code. Results go to stdout,
 * all else to stderr, one line each. A message about an error says what can be done about it.
 */
#ifndef MILLRACE_TOOL_H
#define MILLRACE_TOOL_H

#include <argp.h>
#include <jansson.h>
#include <millrace/millrace.h>
#include <stdbool.h>
#include <stdint.h>

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
	TOOL_DEVICE = 3,
	TOOL_PERMISSION = 4,
};

#define TOOL_EXIT_CODES                                                                            \
	"Exit codes: 0 it worked; 1 it did not, or the result is wrong; 2 wrong usage; 3 the "     \
	"device is not there or has gone; 4 permission denied."

int tool_list(int argc, char **argv);
int tool_info(int argc, char **argv);
int tool_crc(int argc, char **argv);
int tool_bench(int argc, char **argv);
int tool_stats(int argc, char **argv);

/* "millrace: ..." and a newline on stderr. */
void tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what went wrong with @device (@err: a negative errno) and what to do; the exit code for it. */
int tool_device_failed(const char *device, int err);

/* The same about a file. */
int tool_file_failed(const char *file, int err);

/* Opens a device, or complains. An exit code; the caller closes the client. */
int tool_open(const char *device, struct millrace_client **client);

/*
 * Whether the device's operation @opcode is called @name. Another driver's of that number may do
 * anything, so it is asked before the first command.
 */
bool tool_has_op(struct millrace_client *client, uint16_t opcode, const char *name);

/* "kernel", "process", "local". */
const char *tool_home(uint32_t home);

/* "no such device ...": the reason for a negative errno from opening a device. */
const char *tool_reason(int err);

/* Prints @json on a line of its own to stdout and releases it. An exit code. */
int tool_print_json(json_t *json);

/* Flushes stdout; complains when not all could be written. The exit code, or @code if that is worse. */
int tool_finish(int code);

/* A number such as 4096, 4k, 1M (powers of 1024) in [@min, @max]; false if it is not that. */
bool tool_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* The argument of option @what, a number from 1 to @max; anything else ends in usage. */
void tool_parse_number(struct argp_state *state, const char *what, const char *arg, uint64_t max,
		       uint64_t *value);

/* A progress line on stderr if that is a terminal, in place of the last one; end takes it away. */
void tool_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_progress_end(void);

/* The statistics of this process's own (latest) session on @client's device; false: not found. */
bool tool_own_stats(struct millrace_client *client, struct millrace_session_stats *stats);

/* The smallest power of two that is not below @n (1 .. 2^31). */
uint32_t tool_round_up(uint32_t n);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t tool_now(void);

#endif
