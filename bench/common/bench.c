// SPDX-License-Identifier: MIT
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench bench = { .near = 0, .far = -1, .slice = 20000000, .rounds = 25 };

void bench_start(struct bench_timer *t)
{
	*t = (struct bench_timer){ .start = bench_now() };
	t->end = t->start + bench.slice / 10;
	t->last = t->start;
}

bool bench_goes_on(struct bench_timer *t, unsigned int n)
{
	uint64_t now = bench_now();

	if (now < t->end) {
		t->count += n;
		return true;
	}
	t->last = now;
	if (t->warm)
		return false;
	t->warm = true;
	t->start = now;
	t->end = now + bench.slice;
	t->count = n;
	return true;
}

double bench_result(const struct bench_timer *t)
{
	return (double)(t->last - t->start) / t->count;
}

static size_t count_peers(const struct bench_row *row)
{
	size_t n;

	for (n = 0; n < BENCH_PEERS && row->peer[n].name; n++)
		;
	return n;
}

/* All rounds of a row; a peer that fails is not tried again. */
static void run_rounds(const struct bench_row *row, size_t peers, double **ns)
{
	unsigned int round;
	size_t i;

	for (round = 0; round < bench.rounds; round++) {
		for (i = 0; i < peers; i++) {
			if (round && ns[i][0] < 0)
				continue;
			ns[i][round] = row->peer[i].slice(row->peer[i].arg);
			if (ns[i][round] < 0)
				ns[i][0] = ns[i][round];
		}
		fprintf(stderr, "\r%s: round %u of %u ", row->name, round + 1, bench.rounds);
	}
	fprintf(stderr, "\r%40s\r", "");
}

static void run_row(const struct bench_row *row, struct bench_results *results)
{
	size_t peers = count_peers(row), i;
	double *ns[BENCH_PEERS] = { 0 };

	for (i = 0; i < peers; i++)
		ns[i] = calloc(bench.rounds, sizeof(*ns[i]));
	run_rounds(row, peers, ns);
	bench_results_add(results, row, ns);
	for (i = 0; i < peers; i++)
		free(ns[i]);
}

/* The first two processors that this process may use. */
static void choose_processors(void)
{
	int found[2] = { 0, -1 }, n = 0, cpu;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			found[n++] = cpu;
	bench.near = found[0];
	bench.far = found[1];
}

static void go_realtime(void)
{
	struct sched_param param = { .sched_priority = 10 };

	bench.realtime = !sched_setscheduler(0, SCHED_FIFO, &param);
	if (!bench.realtime)
		fprintf(stderr, "no SCHED_FIFO: %s\n", strerror(errno));
}

static int usage(const char *program)
{
	fprintf(stderr,
		"Usage: %s [--json FILE] [--rounds N] [--slice MS] [--realtime] [ROW...]\n"
		"Compare Millrace with its peers; all rows, or those named.\n",
		program);
	return 2;
}

static bool wanted(const char *name, char **names, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return count == 0;
}

int bench_main(int argc, char **argv, const struct bench_row *rows, size_t count)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },  { "rounds", required_argument, NULL, 'r' },
		{ "slice", required_argument, NULL, 's' }, { "realtime", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },	   { 0 },
	};
	struct bench_results *results;
	const char *json = NULL;
	size_t i;
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			json = optarg;
		else if (c == 'r')
			bench.rounds = atoi(optarg);
		else if (c == 's')
			bench.slice = atoi(optarg) * 1000000ULL;
		else if (c == 'R')
			go_realtime();
		else
			return usage(argv[0]);
	}
	if (!bench.rounds || !bench.slice)
		return usage(argv[0]);
	choose_processors();
	bench_pin(bench.near);
	results = bench_results_new();
	for (i = 0; i < count; i++)
		if (wanted(rows[i].name, argv + optind, argc - optind))
			run_row(&rows[i], results);
	err = bench_results_write(results, json);
	if (err)
		fprintf(stderr, "%s: %s\n", json, strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
