// SPDX-License-Identifier: MIT
/* Several clients: groups are not interleaved, arrival order is kept, a flood starves nobody. */
#include "client.h"

#include <sys/mman.h>

#define MAX_CLIENTS 8

/* A session that always kicks: its place in the FIFO is exactly the order of its submissions. */
static struct millrace_client *open_kicking(void)
{
	return test_open_params(&(struct millrace_queue_params){
		.entries = 256, .poll_us = MILLRACE_POLL_NEVER });
}

static void fill_group(struct millrace_client *c, __u16 opcode, __u32 n)
{
	struct millrace_slots slots;
	__u32 i;

	assert_int_equal(millrace_queue_reserve_group(c, n, &slots), 0);
	for (i = 0; i < n; i++)
		millrace_sqe_prepare(millrace_sqe(&slots, i), opcode, i);
}

/* Something that keeps the device busy while others queue up behind it. */
static void submit_gate(struct millrace_client *c, const struct millrace_memory *m)
{
	struct millrace_slots slots;
	__u32 i;

	assert_int_equal(millrace_queue_reserve_group(c, 32, &slots), 0);
	for (i = 0; i < 32; i++) {
		struct millrace_sqe *sqe = millrace_sqe(&slots, i);

		millrace_sqe_prepare(sqe, SAMPLE_CRC32C, i);
		sqe->param[0] = m->handle;
		sqe->param[1] = 0;
		sqe->param[2] = m->size;
		sqe->param[3] = 0;
	}
	assert_int_equal(millrace_queue_submit(c), 32);
}

/* Clients that submit one after another are served in that order, whoever they are. */
static void test_arrival_order(void **state)
{
	struct millrace_client *gate = open_kicking(), *c[MAX_CLIENTS];
	struct millrace_memory m;
	unsigned int round, i, order[MAX_CLIENTS];
	__u64 last, ticket;

	(void)state;
	srand(1);
	assert_int_equal(millrace_buffer_create(gate, 1 << 20, &m), 0);
	for (i = 0; i < MAX_CLIENTS; i++)
		c[i] = open_kicking();
	for (round = 0; round < 20; round++) {
		last = RUN(c[0], SAMPLE_TICKET, 0).output;
		submit_gate(gate, &m);
		for (i = 0; i < MAX_CLIENTS; i++)
			order[i] = i;
		for (i = MAX_CLIENTS - 1; i > 0; i--) {
			unsigned int j = rand() % (i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (i = 0; i < MAX_CLIENTS; i++) {
			test_fill(c[order[i]], SAMPLE_TICKET, i);
			assert_int_equal(millrace_queue_submit(c[order[i]]), 1);
		}
		for (i = 0; i < MAX_CLIENTS; i++) {
			ticket = test_take(c[order[i]]).output;
			assert_int_equal(ticket, ++last);
		}
		assert_int_equal(millrace_queue_wait(gate, 32, test_deadline()), 32);
		millrace_queue_release(gate, 32);
	}
	for (i = 0; i < MAX_CLIENTS; i++)
		millrace_client_close(c[i]);
	millrace_client_close(gate);
}

#define GROUPS 400

struct group_worker {
	unsigned int seed;
	unsigned int broken; /* groups whose tickets did not follow one another */
	unsigned int failed;
};

static void *submit_groups(void *arg)
{
	struct group_worker *w = arg;
	struct millrace_client *c;
	struct millrace_slots slots;
	unsigned int round;

	if (millrace_client_open(test_device, &c) ||
	    millrace_queue_setup(c, &(struct millrace_queue_params){ .entries = 64 })) {
		w->failed++;
		return NULL;
	}
	for (round = 0; round < GROUPS; round++) {
		__u32 n = 1 + rand_r(&w->seed) % 64, i;
		__u64 first;

		if (millrace_queue_reserve_group(c, n, &slots)) {
			w->failed++;
			break;
		}
		for (i = 0; i < n; i++)
			millrace_sqe_prepare(millrace_sqe(&slots, i), SAMPLE_TICKET, i);
		if (millrace_queue_submit_and_wait(c, n, test_deadline()) != (int)n ||
		    millrace_queue_peek(c, &slots) != (int)n) {
			w->failed++;
			break;
		}
		first = millrace_cqe(&slots, 0)->output[0];
		for (i = 0; i < n; i++)
			w->broken += millrace_cqe(&slots, i)->output[0] != first + i;
		millrace_queue_release(c, n);
	}
	millrace_client_close(c);
	return NULL;
}

static void test_groups_whole(void **state)
{
	unsigned int clients, i;

	(void)state;
	for (clients = 2; clients <= MAX_CLIENTS; clients *= 2) {
		struct group_worker w[MAX_CLIENTS] = { 0 };
		pthread_t thread[MAX_CLIENTS];

		for (i = 0; i < clients; i++) {
			w[i].seed = clients * 100 + i;
			assert_int_equal(pthread_create(&thread[i], NULL, submit_groups, &w[i]),
					 0);
		}
		for (i = 0; i < clients; i++) {
			pthread_join(thread[i], NULL);
			assert_int_equal(w[i].failed, 0);
			assert_int_equal(w[i].broken, 0);
		}
	}
}

/*
 * One client keeps its ring full, the others have one group out at a time. While all of them have
 * something queued, each gets one group a round: counted over rounds in which the device was never
 * short of work, the shares are equal (Jain's index, which is 1 when they are).
 */
static void test_flood(void **state)
{
	struct millrace_client *gate = open_kicking(), *c[MAX_CLIENTS];
	double sum = 0, squares = 0, served[MAX_CLIENTS] = { 0 };
	struct millrace_memory m;
	unsigned int round, i;
	__u64 start, last;

	(void)state;
	assert_int_equal(millrace_buffer_create(gate, 1 << 20, &m), 0);
	for (i = 0; i < MAX_CLIENTS; i++)
		c[i] = open_kicking();
	for (round = 0; round < 50; round++) {
		start = RUN(gate, SAMPLE_TICKET, 0).output;
		submit_gate(gate, &m);
		for (i = 0; i < 32; i++)
			fill_group(c[0], SAMPLE_TICKET, 4);
		assert_int_equal(millrace_queue_submit(c[0]), 128);
		for (i = 1; i < MAX_CLIENTS; i++) {
			fill_group(c[i], SAMPLE_TICKET, 4);
			assert_int_equal(millrace_queue_submit(c[i]), 4);
		}
		/* Up to the last of the single groups, who was served how often? */
		for (i = 1, last = 0; i < MAX_CLIENTS; i++) {
			unsigned int j;

			for (j = 0; j < 4; j++) {
				__u64 ticket = test_take(c[i]).output;

				last = ticket > last ? ticket : last;
			}
			served[i]++;
		}
		for (i = 0; i < 128; i++)
			served[0] += test_take(c[0]).output <= last ? 0.25 : 0;
		assert_true(last - start <= 4 * (2 * MAX_CLIENTS));
		assert_int_equal(millrace_queue_wait(gate, 32, test_deadline()), 32);
		millrace_queue_release(gate, 32);
	}
	for (i = 0; i < MAX_CLIENTS; i++) {
		sum += served[i];
		squares += served[i] * served[i];
		millrace_client_close(c[i]);
	}
	millrace_client_close(gate);
	print_message("# flood: Jain index %.4f over %d clients\n",
		      sum * sum / (MAX_CLIENTS * squares), MAX_CLIENTS);
	assert_true(sum * sum / (MAX_CLIENTS * squares) >= 0.99);
}

TESTS(order, cmocka_unit_test(test_arrival_order), cmocka_unit_test(test_groups_whole),
      cmocka_unit_test(test_flood));
