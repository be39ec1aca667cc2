// SPDX-License-Identifier: MIT
/*
 * millrace bench: a quick look at how fast a device answers. For comparisons with anything else see
 * bench/, which measures in turns and shows the spread.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "sample.h"
#include "tool.h"

#define ENTRIES	     256
#define SPIN_US	     100 /* of both sides: enough that nobody sleeps between two commands */
#define LOOK	     64	  /* rounds between two looks at the clock */
#define MEASUREMENTS 4	  /* the round trip and three batches */

static const uint32_t batches[] = { 1, 16, 64 };

#define BATCHES (sizeof(batches) / sizeof(batches[0]))

/* What a measurement of one batch size gave. */
struct rate {
	uint32_t batch;
	double commands_per_s;
	double calls_per_1000; /* kicks and sleeping waits of this process; negative: unknown */
};

struct bench {
	const char *device;
	double seconds; /* for all of it */
	bool json;

	struct millrace_client *client;
	struct histogram round_trip;
	struct rate single;
	struct rate rate[BATCHES];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench *bench = state->input;
	char *end;

	switch (key) {
	case 'j':
		bench->json = true;
		return 0;
	case 's':
		bench->seconds = strtod(arg, &end);
		if (*end || !(bench->seconds >= 0.01 && bench->seconds <= 3600))
			argp_error(state, "--seconds: %s is not a number from 0.01 to 3600", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (bench->device)
			argp_usage(state);
		bench->device = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "seconds", 's', "SECONDS", 0, "How long it takes altogether (2)", 0 },
	{ "json", 'j', NULL, 0, "Print one object", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DEV",
	.doc = "A quick look at how fast a device with the operations of `sample' answers NOPs: round "
	       "trips one by one, both sides spinning for up to 100 us; and commands a second in "
	       "batches. On a busy machine both may share a processor, and what is seen then is its "
	       "scheduler.\v"
	       "System calls are this process's own, as the library and the driver's home count them: "
	       "kicks, and waits that slept (where one call kicks and sleeps it counts twice). "
	       TOOL_EXIT_CODES,
};

/* Submits @n NOPs, waits for all of them, and looks at what came of them. */
static int run_batch(struct millrace_client *client, uint32_t n)
{
	struct millrace_slots sq, cq;
	uint32_t i;
	int ret;

	ret = millrace_queue_reserve(client, n, &sq);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&sq, i), SAMPLE_NOP, i);
	ret = millrace_queue_submit_and_wait(client, n, MILLRACE_FOREVER);
	while (ret == -EINTR)
		ret = millrace_queue_wait(client, n, MILLRACE_FOREVER);
	if (ret < 0)
		return ret;
	ret = millrace_queue_peek(client, &cq);
	if (ret != (int)n)
		return ret < 0 ? ret : -ENODEV;
	for (i = 0, ret = 0; i < n && !ret; i++)
		ret = millrace_cqe(&cq, i)->status;
	millrace_queue_release(client, n);
	return ret;
}

static uint64_t calls(struct bench *bench, bool *known)
{
	struct millrace_session_stats stats;

	*known = tool_own_stats(bench->client, &stats);
	return *known ? stats.kicks + stats.waits : 0;
}

static int run_for(struct bench *bench, struct rate *rate, struct histogram *histogram)
{
	uint64_t end, start, now, last, rounds = 0, before;
	bool known;
	int ret = 0;

	before = calls(bench, &known);
	start = last = tool_now();
	end = start + (uint64_t)(bench->seconds / MEASUREMENTS * 1e9);
	do {
		ret = run_batch(bench->client, rate->batch);
		rounds++;
		if (histogram || !(rounds % LOOK)) {
			now = tool_now();
			if (histogram)
				histogram_add(histogram, now - last);
			last = now;
		}
	} while (!ret && last < end);
	now = tool_now();
	rate->commands_per_s = (double)rounds * rate->batch * 1e9 / (now - start);
	rate->calls_per_1000 = (calls(bench, &known) - before) * 1000.0 / (rounds * rate->batch);
	if (!known)
		rate->calls_per_1000 = -1;
	return ret;
}

static int measure(struct bench *bench)
{
	const struct millrace_info *info = millrace_client_info(bench->client);
	struct millrace_queue_params params = {
		.entries = ENTRIES,
		.spin_us = SPIN_US,
		.poll_us = SPIN_US < info->max_poll_us ? SPIN_US : info->max_poll_us,
	};
	size_t i;
	int ret;

	if (params.entries > info->max_entries)
		params.entries = info->max_entries;
	if (params.entries < batches[BATCHES - 1])
		return -EOPNOTSUPP;
	ret = millrace_queue_setup(bench->client, &params);
	if (ret)
		return ret;
	bench->single.batch = 1;
	tool_progress("%s: round trips ...", bench->device);
	ret = run_for(bench, &bench->single, &bench->round_trip);
	for (i = 0; i < BATCHES && !ret; i++) {
		bench->rate[i].batch = batches[i];
		tool_progress("%s: batches of %u ...", bench->device, batches[i]);
		ret = run_for(bench, &bench->rate[i], NULL);
	}
	tool_progress_end();
	return ret;
}

static json_t *number_or_null(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

static int print_json(const struct bench *bench)
{
	const struct millrace_info *info = millrace_client_info(bench->client);
	const struct histogram *h = &bench->round_trip;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < BATCHES; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:f, s:o}", "batch", (int)bench->rate[i].batch,
					"commands_per_s", bench->rate[i].commands_per_s,
					"system_calls_per_1000",
					number_or_null(bench->rate[i].calls_per_1000)));
	return tool_print_json(json_pack(
		"{s:s, s:s, s:f, s:{s:I, s:I, s:I, s:I, s:I, s:o}, s:o}", "device", info->name,
		"home", tool_home(info->home), "seconds", bench->seconds, "round_trip_ns", "count",
		(json_int_t)h->count, "p50", (json_int_t)histogram_percentile(h, 50), "p99",
		(json_int_t)histogram_percentile(h, 99), "p99.9",
		(json_int_t)histogram_percentile(h, 99.9), "max", (json_int_t)h->max,
		"system_calls_per_1000", number_or_null(bench->single.calls_per_1000), "batches",
		list));
}

static void print_calls(double calls)
{
	if (calls < 0)
		printf(" %22s\n", "unknown");
	else
		printf(" %22.2f\n", calls);
}

static void print_text(const struct bench *bench)
{
	const struct millrace_info *info = millrace_client_info(bench->client);
	const struct histogram *h = &bench->round_trip;
	size_t i;

	printf("%s (%s home): NOP\n", info->name, tool_home(info->home));
	printf("%-22s %10s %10s %10s %10s\n", "round trip, ns", "p50", "p99", "p99.9", "max");
	printf("%-22s %10ju %10ju %10ju %10ju\n\n", "", histogram_percentile(h, 50),
	       histogram_percentile(h, 99), histogram_percentile(h, 99.9), h->max);
	printf("%-22s %14s %22s\n", "", "commands/s", "system calls per 1,000");
	printf("%-22s %14.0f", "one by one, timed", bench->single.commands_per_s);
	print_calls(bench->single.calls_per_1000);
	for (i = 0; i < BATCHES; i++) {
		printf("batches of %-11u %14.0f", bench->rate[i].batch,
		       bench->rate[i].commands_per_s);
		print_calls(bench->rate[i].calls_per_1000);
	}
}

static int failed(const struct bench *bench, int err)
{
	if (err != -EOPNOTSUPP)
		return tool_device_failed(bench->device, err);
	tool_complain("%s: it has no NOP as the sample driver's, or too small rings",
		      bench->device);
	return TOOL_FAILED;
}

int tool_bench(int argc, char **argv)
{
	static struct bench bench = { .seconds = 2 };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	ret = tool_open(bench.device, &bench.client);
	if (ret)
		return ret;
	ret = tool_has_op(bench.client, SAMPLE_NOP, "nop") ? measure(&bench) : -EOPNOTSUPP;
	if (ret)
		ret = failed(&bench, ret);
	else if (bench.json)
		ret = print_json(&bench);
	else
		print_text(&bench);
	millrace_client_close(bench.client);
	return ret;
}
