/* SPDX-License-Identifier: MIT */
/*
 * The client suite: one program, run against every home, which must answer alike, errno for errno.
 * The device (with the sample driver) is named by the first argument or $MILLRACE_TEST_DEVICE.
 */
#ifndef MILLRACE_TESTS_CLIENT_H
#define MILLRACE_TESTS_CLIENT_H

#include <errno.h>
#include <millrace/millrace.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../drivers/sample/sample.h"

/* The library's inside, for tests that write to the rings themselves. */
#include "../../lib/client.h"

extern const char *test_device;

#define SECOND 1000000000ULL

/* A deadline so far away that reaching it means that something was lost. */
static inline __u64 test_deadline(void)
{
	return millrace_clock() + 60 * SECOND;
}

/* An open client; with a queue pair of @entries if that is not 0. Fails the test otherwise. */
struct millrace_client *test_open(__u32 entries);
struct millrace_client *test_open_params(const struct millrace_queue_params *params);

/* Reserves and fills one command. */
struct millrace_sqe *test_fill(struct millrace_client *c, __u16 opcode, __u64 user_data);

/* Takes one completion, waiting for it. */
struct test_result {
	__u64 user_data;
	__s32 status;
	__u64 output;
};
struct test_result test_take(struct millrace_client *c);

/* One command with up to five parameters, there and back. */
struct test_result test_run(struct millrace_client *c, __u16 opcode, const __u64 *params,
			    unsigned int count);
#define RUN(c, opcode, ...)                                                                        \
	test_run(c, opcode, (const __u64[]){ __VA_ARGS__ },                                        \
		 sizeof((const __u64[]){ __VA_ARGS__ }) / sizeof(__u64))

/* Memory of the caller's own: whole pages, private and anonymous. */
void *test_pages(size_t size);

/* Page-sized things. */
static inline size_t test_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* One array of tests for each file. */
extern const struct CMUnitTest open_tests[], queue_tests[], group_tests[], wait_tests[],
	buffer_tests[], ring_tests[], order_tests[], fork_tests[];
extern const size_t open_count, queue_count, group_count, wait_count, buffer_count, ring_count,
	order_count, fork_count;

#define TESTS(name, ...)                                                                           \
	const struct CMUnitTest name##_tests[] = { __VA_ARGS__ };                                  \
	const size_t name##_count = sizeof(name##_tests) / sizeof(name##_tests[0])

#endif
