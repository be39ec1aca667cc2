/* SPDX-License-Identifier: MIT */
/*
 * Fairness: one client keeps its queue full, seven send one group at a time. Jain's index of the
 * groups served, in simulated time: (sum x)^2 / (n * sum x^2), 1 when all got the same.
 */
#include "fake_home.h"

#define CLIENTS 8
#define TURNS 40000

static double jain(const unsigned int *x, unsigned int n)
{
	double sum = 0, squares = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		sum += x[i];
		squares += (double)x[i] * x[i];
	}
	return sum * sum / (n * squares);
}

static void fill(struct fake_session *f)
{
	unsigned int n;

	for (n = 1 + fake_random() % 8; f->sq.tail + n - f->cq.head <= 64;
	     n = 1 + fake_random() % 8)
		fake_push_group(f, n, 0);
	fake_submit(f);
}

static void one_more(struct fake_session *f)
{
	if (f->sq.tail != f->cq.head)
		return; /* its group is still on its way */
	fake_push_group(f, 1 + fake_random() % 8, 0);
	fake_submit(f);
}

/* @flooders, then the modest ones, who all see to their queues after each turn. */
static void simulate(unsigned int flooders, __u32 poll_us)
{
	struct fake_session *f[CLIENTS];
	unsigned int groups[CLIENTS], i, turn;

	for (i = 0; i < CLIENTS; i++)
		f[i] = fake_open(64, 64, poll_us);
	for (turn = 0; turn < TURNS; turn++) {
		fake_logged = 0;
		for (i = 0; i < CLIENTS; i++) {
			fake_take_all(f[i]);
			if (i < flooders)
				fill(f[i]);
			else
				one_more(f[i]);
		}
		fake_now += 1000;
		if (!millrace_sched_run(&fake_device))
			millrace_sched_settle(&fake_device);
	}
	for (i = 0; i < CLIENTS; i++)
		groups[i] = f[i]->session.count.groups;
	print_message("# %u flooding, poll %d: Jain %.5f\n", flooders, (int)poll_us,
		      jain(groups, CLIENTS));
	assert_true(jain(groups, CLIENTS) >= 0.99);
	for (i = 0; i < CLIENTS; i++)
		fake_close(f[i]);
}

static void flooder_and_seven_modest_clients(void **state)
{
	static const __u32 polls[] = { MILLRACE_POLL_NEVER, MILLRACE_POLL_ADAPTIVE, 1, 1000, 10000 };
	unsigned int i;

	(void)state;
	for (i = 0; i < LENGTH(polls); i++) {
		simulate(1, polls[i]);
		simulate(4, polls[i]);
		simulate(CLIENTS, polls[i]);
	}
}

/* The longest that a modest client waits: everybody else's one turn, counted in turns. */
static void nobody_waits_longer_than_a_round(void **state)
{
	struct fake_session *f[CLIENTS];
	unsigned int i, turn, waited[CLIENTS] = { 0 }, most = 0;

	(void)state;
	for (i = 0; i < CLIENTS; i++)
		f[i] = fake_open(64, 64, MILLRACE_POLL_NEVER);
	for (turn = 0; turn < 5000; turn++) {
		for (i = 0; i < CLIENTS; i++) {
			waited[i] = fake_take_all(f[i]) ? 0 : waited[i] + 1;
			most = waited[i] > most ? waited[i] : most;
			if (i < CLIENTS / 2)
				fill(f[i]);
			else
				one_more(f[i]);
		}
		fake_logged = 0;
		assert_true(millrace_sched_run(&fake_device));
	}
	assert_true(most <= CLIENTS);
	for (i = 0; i < CLIENTS; i++)
		fake_close(f[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(flooder_and_seven_modest_clients),
		fake_test(nobody_waits_longer_than_a_round),
	};

	return fake_main("fair", tests, LENGTH(tests));
}
