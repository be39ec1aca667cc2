// SPDX-License-Identifier: MIT
/* Results: a table for people on stdout, everything in JSON for scripts. */
#include "bench.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef BENCH_COMPILER
#define BENCH_COMPILER __VERSION__
#endif
#ifndef BENCH_OPTIONS
#define BENCH_OPTIONS ""
#endif

struct bench_results {
	json_t *machine, *rows;
	unsigned long long steal, total; /* jiffies at the start */
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct bench_spread bench_spread(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), ascending);
	return (struct bench_spread){
		.min = values[0],
		.p25 = values[(n - 1) / 4],
		.median = (values[(n - 1) / 2] + values[n / 2]) / 2,
		.p75 = values[(n - 1) * 3 / 4],
		.max = values[n - 1],
	};
}

static json_t *spread_json(const struct bench_spread *s)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "min", s->min, "p25", s->p25, "median",
			 s->median, "p75", s->p75, "max", s->max);
}

/* ---- The machine ---- */

static void processor_model(char *to, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(to, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) || !strchr(line, ':'))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(to, size, "%s", strchr(line, ':') + 2);
		break;
	}
	if (f)
		fclose(f);
}

static double load(void)
{
	double average = -1;

	return getloadavg(&average, 1) == 1 ? average : -1;
}

/* Time that the hypervisor gave to others, and all time. */
static void read_steal(unsigned long long *steal, unsigned long long *total)
{
	unsigned long long t[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");
	int i;

	*steal = *total = 0;
	if (!f)
		return;
	if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4],
		   &t[5], &t[6], &t[7]) == 8)
		*steal = t[7];
	for (i = 0; i < 8; i++)
		*total += t[i];
	fclose(f);
}

struct bench_results *bench_results_new(void)
{
	struct bench_results *r = calloc(1, sizeof(*r));
	char model[128], date[32];
	struct utsname uts;
	time_t now = time(NULL);

	uname(&uts);
	processor_model(model, sizeof(model));
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	read_steal(&r->steal, &r->total);
	r->machine = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:s, s:f}", "date", date,
			       "processor", model, "kernel", uts.release, "architecture", uts.machine,
			       "compiler", BENCH_COMPILER, "options", BENCH_OPTIONS, "processors",
			       bench.far < 0 ? 1 : 2, "rounds", bench.rounds, "slice_ms",
			       bench.slice / 1e6, "scheduler",
			       bench.realtime ? "SCHED_FIFO" : "SCHED_OTHER", "load_before", load());
	if (getenv("BENCH_COMMIT"))
		json_object_set_new(r->machine, "commit", json_string(getenv("BENCH_COMMIT")));
	r->rows = json_array();
	return r;
}

/* ---- Rows ---- */

static int peer_index(const struct bench_row *row, const char *name)
{
	int i;

	for (i = 0; i < BENCH_PEERS && row->peer[i].name; i++)
		if (!strcmp(row->peer[i].name, name))
			return i;
	return -1;
}

/* The shortest time of the peers that a claim is against, in one round; 0 when none could run. */
static double best_of(const struct bench_row *row, const struct bench_claim *c, double **ns,
		      unsigned int round)
{
	double best = 0;
	int i, p;

	for (i = 0; i < 4 && c->against[i]; i++) {
		p = peer_index(row, c->against[i]);
		if (p < 0 || ns[p][0] < 0)
			continue;
		if (!best || ns[p][round] < best)
			best = ns[p][round];
	}
	return best;
}

static json_t *claim_json(const struct bench_row *row, const struct bench_claim *c, double **ns)
{
	double *ratio = calloc(bench.rounds, sizeof(*ratio));
	json_t *against = json_array(), *json;
	struct bench_spread s;
	unsigned int round;
	bool possible = true;
	int i;

	for (round = 0; round < bench.rounds; round++) {
		double peer = best_of(row, c, ns, round), own = ns[0][round];

		possible = possible && peer > 0 && ns[0][0] > 0;
		ratio[round] = c->at_most ? own / peer : peer / own;
	}
	for (i = 0; i < 4 && c->against[i]; i++)
		json_array_append_new(against, json_string(c->against[i]));
	json = json_pack("{s:o, s:s, s:f, s:f}", "against", against, "sense",
			 c->at_most ? "at most" : "at least", "reach", c->reach, "aim", c->aim);
	if (possible) {
		s = bench_spread(ratio, bench.rounds);
		json_object_set_new(json, "ratio", spread_json(&s));
		printf("  %s %.2f x (p25 %.2f, p75 %.2f) of", c->at_most ? "takes" : "is as fast as",
		       s.median, s.p25, s.p75);
		for (i = 0; i < 4 && c->against[i]; i++)
			printf("%s %s", i ? " or" : "", c->against[i]);
		printf("; reach %s %.2f, aim %.2f\n", c->at_most ? "at most" : "at least", c->reach,
		       c->aim);
	}
	free(ratio);
	return json;
}

/* Sorts the peer's times: to be called last. */
static json_t *peer_json(const struct bench_peer *peer, double *ns)
{
	struct bench_spread s;
	int digits;

	if (ns[0] < 0) {
		printf("  %-30s left out: %s\n", peer->name, strerror(-ns[0]));
		return json_pack("{s:s, s:s}", "name", peer->name, "left_out", strerror(-ns[0]));
	}
	s = bench_spread(ns, bench.rounds);
	digits = s.median < 10 ? 3 : 1;
	printf("  %-30s %10.*f ns  (min %.*f, p25 %.*f, p75 %.*f)  %.2f M/s\n", peer->name, digits,
	       s.median, digits, s.min, digits, s.p25, digits, s.p75, 1e3 / s.median);
	return json_pack("{s:s, s:o}", "name", peer->name, "ns", spread_json(&s));
}

void bench_results_add(struct bench_results *r, const struct bench_row *row, double **ns)
{
	json_t *peers = json_array(), *claims = json_array();
	int i;

	printf("%s: %s, per %s\n", row->name, row->title, row->unit);
	for (i = 0; i < BENCH_CLAIMS && row->claim[i].against[0]; i++)
		json_array_append_new(claims, claim_json(row, &row->claim[i], ns));
	for (i = 0; i < BENCH_PEERS && row->peer[i].name; i++)
		json_array_append_new(peers, peer_json(&row->peer[i], ns[i]));
	fflush(stdout);
	json_array_append_new(r->rows, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", row->name, "title",
						 row->title, "unit", row->unit, "peers", peers, "claims",
						 claims));
}

int bench_results_write(struct bench_results *r, const char *path)
{
	unsigned long long steal, total;
	json_t *json;
	int err = 0;

	read_steal(&steal, &total);
	json_object_set_new(r->machine, "load_after", json_real(load()));
	json_object_set_new(r->machine, "steal_percent",
			    json_real(total > r->total ? 100.0 * (steal - r->steal) / (total - r->total) :
							 0));
	json = json_pack("{s:o, s:o}", "machine", r->machine, "rows", r->rows);
	if (path && json_dump_file(json, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)))
		err = errno ? -errno : -EIO;
	json_decref(json);
	free(r);
	return err;
}
