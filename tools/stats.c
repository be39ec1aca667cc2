// SPDX-License-Identifier: MIT
/* millrace stats: who uses the devices, and how much. */
#include <argp.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define MAX_DEVICES 64

/* A session as it was when it was last looked at. */
struct seen {
	struct millrace_session_stats stats;
	const struct device *device;
	uint64_t time;
};

struct device {
	char *name;
	struct millrace_client *client;
};

struct stats {
	struct device device[MAX_DEVICES];
	unsigned int devices;
	double interval; /* seconds; 0: once */
	bool json;

	struct seen *now, *before;
	size_t now_count, before_count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stats *stats = state->input;
	char *end;

	switch (key) {
	case 'j':
		stats->json = true;
		return 0;
	case 'w':
		stats->interval = arg ? strtod(arg, &end) : 1;
		if (arg && (*end || !(stats->interval >= 0.01 && stats->interval <= 86400)))
			argp_error(state, "--watch: %s is not a number of seconds from 0.01", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (stats->devices == MAX_DEVICES)
			argp_error(state, "more than %d devices", MAX_DEVICES);
		stats->device[stats->devices++].name = strdup(arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "watch", 'w', "SECONDS", OPTION_ARG_OPTIONAL,
	  "Show rates per second, again and again, until interrupted (1)", 0 },
	{ "json", 'j', NULL, 0, "Print an array of objects; with --watch one a line", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DEV...]",
	.doc = "Shows the sessions of the devices given, or of all: their numbers of commands, groups, "
	       "kicks received and wake-ups sent by the driver's home, waits of the client that ended "
	       "spinning and that slept, completions with an error, turns without room in the "
	       "completion ring, groups run in the submitter's own context; and how much is waiting "
	       "now: commands in the ring, on their way in the device, buffers.\v" TOOL_EXIT_CODES,
};

/* ---- Looking ------------------------------------------------------------------------------- */

/* Without names on the command line what cannot be opened is passed over: `millrace list` shows it. */
static int add_device(const char *name, enum millrace_home home, void *arg)
{
	struct stats *stats = arg;
	struct device *device = &stats->device[stats->devices];

	(void)home;
	if (stats->devices == MAX_DEVICES || millrace_client_open(name, &device->client))
		return 0;
	device->name = strdup(name);
	stats->devices++;
	return 0;
}

static int open_devices(struct stats *stats)
{
	unsigned int i;
	int ret;

	if (!stats->devices) {
		ret = millrace_device_list(add_device, stats);
		if (ret < 0) {
			tool_complain("cannot list devices: %s", strerror(-ret));
			return TOOL_FAILED;
		}
		if (!stats->devices)
			tool_complain("no device can be opened (see `millrace list')");
		return stats->devices ? TOOL_OK : TOOL_DEVICE;
	}
	for (i = 0; i < stats->devices; i++) {
		ret = tool_open(stats->device[i].name, &stats->device[i].client);
		if (ret)
			return ret;
	}
	return TOOL_OK;
}

static int look_at(struct stats *stats, const struct device *device)
{
	struct millrace_session_stats s;
	struct seen *grown;
	__u64 id;
	int ret;

	for (id = 0; !(ret = millrace_client_stats(device->client, id, &s)); id = s.id + 1) {
		grown = reallocarray(stats->now, stats->now_count + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		stats->now = grown;
		grown[stats->now_count++] = (struct seen){ s, device, tool_now() };
	}
	return ret == -ENOENT ? 0 : ret;
}

static int look(struct stats *stats)
{
	unsigned int i;
	int ret;

	free(stats->before);
	stats->before = stats->now;
	stats->before_count = stats->now_count;
	stats->now = NULL;
	stats->now_count = 0;
	for (i = 0; i < stats->devices; i++) {
		ret = look_at(stats, &stats->device[i]);
		if (ret)
			return tool_device_failed(stats->device[i].name, ret);
	}
	return TOOL_OK;
}

/* ---- Showing ------------------------------------------------------------------------------- */

static const struct seen *find_before(const struct stats *stats, const struct seen *seen)
{
	size_t i;

	for (i = 0; i < stats->before_count; i++)
		if (stats->before[i].device == seen->device &&
		    stats->before[i].stats.id == seen->stats.id)
			return &stats->before[i];
	return NULL;
}

static const char *user_name(uint32_t uid)
{
	static char number[16];
	struct passwd *user = getpwuid(uid);

	if (user)
		return user->pw_name;
	snprintf(number, sizeof(number), "%u", uid);
	return number;
}

/* The counters, in the order in which they are shown. */
static const struct counter {
	const char *key, *title;
	size_t offset;
} counters[] = {
#define COUNTER(name_, title_) { #name_, title_, offsetof(struct millrace_session_stats, name_) }
	COUNTER(commands, "COMMANDS"), COUNTER(groups, "GROUPS"), COUNTER(kicks, "KICKS"),
	COUNTER(wakeups, "WAKEUPS"),   COUNTER(spins, "SPINS"),	  COUNTER(waits, "WAITS"),
	COUNTER(errors, "ERRORS"),     COUNTER(stalls, "STALLS"), COUNTER(inlined, "INLINED"),
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t counter_value(const struct seen *seen, const struct counter *counter)
{
	uint64_t value;

	memcpy(&value, (const char *)&seen->stats + counter->offset, sizeof(value));
	return value;
}

/* Per second since @before; the 32-bit counters of the client may wrap. */
static double rate(const struct seen *seen, const struct seen *before, const struct counter *counter)
{
	int64_t more = counter_value(seen, counter) - counter_value(before, counter);

	if (more < 0)
		more = (uint32_t)more;
	return more * 1e9 / (seen->time - before->time);
}

static json_t *seen_json(const struct stats *stats, const struct seen *seen)
{
	const struct millrace_session_stats *s = &seen->stats;
	const struct seen *before = find_before(stats, seen);
	json_t *rates = before ? json_object() : NULL;
	json_t *json;
	size_t i;

	json = json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "device", seen->device->name, "id", (json_int_t)s->id, "pid",
			 (json_int_t)s->pid, "uid", (json_int_t)s->uid, "user", user_name(s->uid),
			 "comm", s->comm, "error", (json_int_t)s->error, "depth",
			 (json_int_t)s->sq_depth, "in_flight", (json_int_t)s->in_flight, "cq_depth",
			 (json_int_t)s->cq_depth, "buffers", (json_int_t)s->buffers,
			 "buffer_bytes", (json_int_t)s->buffer_bytes, "turns",
			 (json_int_t)s->turns);
	for (i = 0; i < COUNTERS; i++) {
		json_object_set_new(json, counters[i].key,
				    json_integer(counter_value(seen, &counters[i])));
		if (before)
			json_object_set_new(rates, counters[i].key,
					    json_real(rate(seen, before, &counters[i])));
	}
	if (rates)
		json_object_set_new(json, "per_second", rates);
	return json;
}

static int show_json(const struct stats *stats)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < stats->now_count; i++)
		json_array_append_new(array, seen_json(stats, &stats->now[i]));
	return tool_print_json(array);
}

static void show_heading(void)
{
	size_t i;

	printf("%-12s %4s %7s %-10s %-15s", "DEVICE", "ID", "PID", "USER", "COMMAND");
	for (i = 0; i < COUNTERS; i++)
		printf(" %*s", i ? 8 : 11, counters[i].title);
	printf(" %6s %6s %4s\n", "DEPTH", "FLIGHT", "BUFS");
}

static void show_session(const struct stats *stats, const struct seen *seen)
{
	const struct millrace_session_stats *s = &seen->stats;
	const struct seen *before = find_before(stats, seen);
	size_t i;

	printf("%-12s %4llu %7u %-10s %-15.16s", seen->device->name, (unsigned long long)s->id,
	       s->pid, user_name(s->uid), s->comm);
	for (i = 0; i < COUNTERS; i++)
		if (!stats->interval)
			printf(" %*ju", i ? 8 : 11, (uintmax_t)counter_value(seen, &counters[i]));
		else if (before)
			printf(" %*.0f", i ? 8 : 11, rate(seen, before, &counters[i]));
		else
			printf(" %*s", i ? 8 : 11, "-");
	printf(" %6u %6u %4u%s\n", s->sq_depth, s->in_flight, s->buffers,
	       s->error ? " (ended)" : "");
}

/* On a terminal in place of the last table; else one table after the other, with the heading once. */
static int show(const struct stats *stats, bool first)
{
	bool redraw = stats->interval && isatty(STDOUT_FILENO);
	size_t i;

	if (stats->json)
		return show_json(stats);
	if (redraw)
		printf("\033[H\033[J%s per second, every %g s; ctrl-C ends it\n",
		       "Counters are", stats->interval);
	if (first || redraw)
		show_heading();
	for (i = 0; i < stats->now_count; i++)
		show_session(stats, &stats->now[i]);
	if (!stats->now_count && (!stats->interval || redraw))
		puts("(no session has a queue pair now)");
	return TOOL_OK;
}

/* ---- Again and again ----------------------------------------------------------------------- */

/* The user ends it at any moment, and that is no failure. */
static void end(int signal)
{
	(void)signal;
	_exit(TOOL_OK);
}

static void sleep_interval(double seconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds,
				 .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9) };

	nanosleep(&time, NULL);
}

static int watch(struct stats *stats)
{
	bool first = true;
	int ret;

	if (stats->interval) {
		signal(SIGINT, end);
		signal(SIGTERM, end);
	}
	for (;;) {
		ret = look(stats);
		if (!ret)
			ret = show(stats, first);
		if (!ret && fflush(stdout))
			ret = TOOL_FAILED;
		if (ret || !stats->interval)
			return ret;
		first = false;
		sleep_interval(stats->interval);
	}
}

int tool_stats(int argc, char **argv)
{
	struct stats stats = { 0 };
	unsigned int i;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &stats);
	ret = open_devices(&stats);
	if (!ret)
		ret = watch(&stats);
	for (i = 0; i < stats.devices; i++) {
		millrace_client_close(stats.device[i].client);
		free(stats.device[i].name);
	}
	free(stats.now);
	free(stats.before);
	return ret;
}
