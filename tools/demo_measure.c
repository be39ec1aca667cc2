// SPDX-License-Identifier: MIT
/* One job over all transports, in turns: blocks in groups for the rate, one by one for the time. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"
#include "tool.h"

static const struct {
	const char *name, *key;
	bool shared;
} peers[DEMO_TRANSPORTS] = {
	{ "Millrace", "millrace", false },
	{ "pipe", "pipe", false },
	{ "UNIX socket", "socket", false },
	{ "pipe + shared memory", "pipe_shared", true },
	{ "UNIX socket + sh. mem.", "socket_shared", true },
};

/*
 * The reads and writes of this thread as the kernel counts them: a count that owes nothing to ours.
 * In the process home these are all the system calls of a client that has no deadlines.
 */
static uint64_t kernel_io(void)
{
	uint64_t reads = 0, writes = 0;
	char text[512];
	const char *at;
	ssize_t n;
	int fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "syscr:");
	if (at)
		reads = strtoull(at + 6, NULL, 10);
	at = strstr(text, "syscw:");
	if (at)
		writes = strtoull(at + 6, NULL, 10);
	return reads + writes;
}

uint64_t demo_size(const struct demo *demo, uint32_t first, uint32_t n)
{
	uint64_t begin = first * demo->block, end = begin + n * demo->block;

	return (end < demo->sample_bytes ? end : demo->sample_bytes) - begin;
}

/* Groups on their way, oldest first. */
struct flight {
	uint32_t first[UINT16_MAX], n[UINT16_MAX];
	uint32_t sent, received, next; /* block */
};

static int send_next(struct transport *t, struct flight *flight)
{
	uint32_t left = t->demo->sample_blocks - flight->next;
	uint32_t n = left < t->demo->group ? left : t->demo->group;
	uint32_t place = flight->sent % t->demo->depth;

	flight->first[place] = flight->next;
	flight->n[place] = n;
	flight->next = (flight->next + n) % t->demo->sample_blocks;
	flight->sent++;
	return t->ops->send(t, flight->first[place], n);
}

static int receive_oldest(struct transport *t, struct flight *flight, uint64_t *commands)
{
	uint32_t place = flight->received++ % t->demo->depth;

	*commands += flight->n[place];
	return t->ops->receive(t, flight->first[place], flight->n[place]);
}

static int run_groups(struct transport *t, uint64_t ns, unsigned int round)
{
	static struct flight flight;
	uint64_t start, calls, io, commands = 0;
	int ret = 0;

	memset(&flight, 0, sizeof(flight));
	calls = t->ops->calls(t);
	io = kernel_io();
	start = tool_now();
	while (!ret && tool_now() - start < ns) {
		while (!ret && flight.sent - flight.received < t->demo->depth)
			ret = send_next(t, &flight);
		if (!ret)
			ret = receive_oldest(t, &flight, &commands);
	}
	while (!ret && flight.sent != flight.received)
		ret = receive_oldest(t, &flight, &commands);
	t->rate[round] = commands * 1e9 / (tool_now() - start);
	t->group_io += kernel_io() - io;
	t->group_calls += t->ops->calls(t) - calls;
	t->group_commands += commands;
	return ret;
}

static int run_single(struct transport *t, uint64_t ns)
{
	uint64_t start, before, now, calls, io, commands = 0;
	uint32_t block = 0;
	int ret;

	calls = t->ops->calls(t);
	io = kernel_io();
	start = before = tool_now();
	do {
		ret = t->ops->send(t, block, 1);
		if (!ret)
			ret = t->ops->receive(t, block, 1);
		now = tool_now();
		histogram_add(&t->round_trip, now - before);
		before = now;
		commands++;
		block = (block + 1) % t->demo->sample_blocks;
	} while (!ret && now - start < ns);
	t->single_io += kernel_io() - io;
	t->single_calls += t->ops->calls(t) - calls;
	t->single_commands += commands;
	return ret;
}

static int open_all(const struct demo *demo, struct transport *transports)
{
	unsigned int i;
	int ret;

	/* The rings last, so that the servers are forked from a process without a session. */
	for (i = DEMO_TRANSPORTS; i-- > 0;) {
		struct transport *t = &transports[i];

		t->name = peers[i].name;
		t->key = peers[i].key;
		t->shared = peers[i].shared;
		ret = i ? demo_peer_open(t, demo) : demo_rings_open(t, demo);
		if (ret && !i)
			return tool_device_failed(demo->device, ret);
		if (ret) {
			tool_complain("%s: %s", t->name, strerror(-ret));
			return TOOL_FAILED;
		}
	}
	return TOOL_OK;
}

static int failed(const struct demo *demo, const struct transport *t, int err)
{
	if (err == -EBADMSG)
		tool_complain("%s: a block's CRC is not what isa-l says", t->name);
	else if (t->client)
		return tool_device_failed(demo->device, err);
	else
		tool_complain("%s: %s", t->name, strerror(-err));
	return TOOL_FAILED;
}

static void per_thousand(struct transport *t)
{
	t->group_calls *= 1000.0 / t->group_commands;
	t->group_io *= 1000.0 / t->group_commands;
	t->single_calls *= 1000.0 / t->single_commands;
	t->single_io *= 1000.0 / t->single_commands;
}

int demo_measure_run(const struct demo *demo, struct transport *transports)
{
	uint64_t ns = demo->seconds * 1e9 / (demo->rounds * DEMO_TRANSPORTS * 2);
	unsigned int round, i;
	int ret;

	ret = open_all(demo, transports);
	if (ret)
		return ret;
	for (round = 0; round < demo->rounds; round++) {
		for (i = 0; i < DEMO_TRANSPORTS; i++) {
			struct transport *t = &transports[i];

			tool_progress("measuring: round %u of %ju, %s ...", round + 1,
				      demo->rounds, t->name);
			ret = run_groups(t, ns, round);
			if (!ret)
				ret = run_single(t, ns);
			if (ret)
				return failed(demo, t, ret);
		}
	}
	for (i = 0; i < DEMO_TRANSPORTS; i++)
		per_thousand(&transports[i]);
	tool_progress_end();
	return TOOL_OK;
}

void demo_measure_end(struct transport *transports)
{
	unsigned int i;

	for (i = 0; i < DEMO_TRANSPORTS; i++)
		if (transports[i].ops)
			transports[i].ops->close(&transports[i]);
}

/* ---- Showing it ---------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct transport *t, unsigned int rounds)
{
	qsort(t->rate, rounds, sizeof(*t->rate), compare);
	return rounds % 2 ? t->rate[rounds / 2] :
			    (t->rate[rounds / 2 - 1] + t->rate[rounds / 2]) / 2;
}

static void print_row(struct transport *t, unsigned int rounds, double own)
{
	const struct histogram *h = &t->round_trip;
	double rate = median(t, rounds);

	printf("%-22s %9.0f %9.0f..%-9.0f %5.2fx %7.1f %7.1f %8.1f %9.1f %9.1f\n", t->name, rate,
	       t->rate[0], t->rate[rounds - 1], rate / own, histogram_percentile(h, 50) / 1e3,
	       histogram_percentile(h, 99) / 1e3, h->max / 1e3, t->group_calls, t->single_calls);
}

void demo_measure_print(const struct demo *demo, struct transport *transports)
{
	double own = median(&transports[0], demo->rounds);
	unsigned int i;

	printf("\nThe same job, CRC-32C of blocks of %ju bytes, by one client; %ju rounds in turns:\n\n",
	       demo->block, demo->rounds);
	printf("%-22s %-36s %-24s %s\n", "", "groups: commands/s", "round trip, us",
	       "system calls per 1,000");
	printf("%-22s %9s %9s  %-9s %6s %7s %7s %8s %9s %9s\n", "", "median", "min", "max", "ratio",
	       "p50", "p99", "max", "groups", "single");
	for (i = 0; i < DEMO_TRANSPORTS; i++)
		print_row(&transports[i], demo->rounds, own);
	printf("\nGroups of %ju commands, %ju on their way; round trips one by one. Millrace's sides "
	       "spin for a while\nbefore they sleep, the others sleep at once. System calls are the "
	       "client's: for Millrace its kicks\nand the waits that slept, as the driver's home and "
	       "the library count them; for the others its reads\nand writes, each counted where it "
	       "is made.\n",
	       demo->group, demo->depth);
}

json_t *demo_measure_json(const struct demo *demo, struct transport *transports)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < DEMO_TRANSPORTS; i++) {
		struct transport *t = &transports[i];
		const struct histogram *h = &t->round_trip;
		double rate = median(t, demo->rounds);

		json_array_append_new(
			list,
			json_pack("{s:s, s:{s:f, s:f, s:f}, s:{s:I, s:I, s:I, s:I, s:I}, s:{s:f, "
				  "s:f}, s:{s:f, s:f}}",
				  "transport", t->key, "commands_per_s", "median", rate, "min",
				  t->rate[0], "max", t->rate[demo->rounds - 1], "round_trip_ns",
				  "count", (json_int_t)h->count, "p50",
				  (json_int_t)histogram_percentile(h, 50), "p99",
				  (json_int_t)histogram_percentile(h, 99), "p99.9",
				  (json_int_t)histogram_percentile(h, 99.9), "max",
				  (json_int_t)h->max, "system_calls_per_1000", "groups",
				  t->group_calls, "single", t->single_calls,
				  "kernel_reads_writes_per_1000", "groups", t->group_io, "single",
				  t->single_io));
	}
	return list;
}
