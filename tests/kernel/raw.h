/* SPDX-License-Identifier: MIT */
/*
 * A client of the kernel home that uses the ABI directly, as simple as can be: for tests that must be
 * able to do what libmillrace never does. Calls return a number or -errno; client_* that "must" work
 * fail the test.
 */
#ifndef MILLRACE_TESTS_KERNEL_RAW_H
#define MILLRACE_TESTS_KERNEL_RAW_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../drivers/sample/sample.h"
#include "../../include/uapi/millrace.h"

#define DEVICE "/dev/millrace/sample0"
#define MS     1000000ULL
#define SECOND (1000 * MS)
#define KICK   MILLRACE_ENTER_KICK
#define WAIT   MILLRACE_ENTER_WAIT

struct client {
	int fd;
	struct millrace_setup setup;
	struct millrace_client_area *c;
	struct millrace_driver_area *d;
	char *sqes, *cqes;
	__u32 tail, head;
};

static inline long call(int fd, unsigned long request, void *arg)
{
	long ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static inline __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void client_open_path(struct client *c, const char *path);
void client_open(struct client *c);
long client_setup(struct client *c, __u32 sq, __u32 cq, __u32 poll_us);
/* Opens, sets up and maps; must work. */
void client_start(struct client *c, __u32 sq, __u32 cq, __u32 poll_us);
void client_map(struct client *c);
/* Closes the descriptor and removes the mappings, if there are any. */
void client_close(struct client *c);

/* Writes the next command, a group of @group; published by client_publish(). */
void client_put(struct client *c, __u16 opcode, __u16 group, __u64 user_data, __u64 a, __u64 b,
		__u64 d, __u64 e);
void client_publish(struct client *c);
/* client_put() of a group of one, and publish. */
void client_submit(struct client *c, __u16 opcode, __u64 user_data, __u64 a, __u64 b);

long client_enter(struct client *c, __u32 flags, __u32 min, __u64 deadline);
/* Takes the next completion if there is one, and gives its place back. */
bool client_take(struct client *c, struct millrace_cqe *cqe, __u64 *output);
/* The next completion has to be there and be this. */
void client_expect(struct client *c, __u64 user_data, int status, __u64 *output);
struct millrace_session_stats client_stats(struct client *c);

/* What /proc/self/status says of @field, such as "VmLck:", in KiB. */
long status_kb(const char *field);
/* A number in /sys/class/millrace/sample0/. */
long device_attr(const char *name);
__u32 crc32c(const void *data, size_t size);

int run_setup_tests(void);
int run_enter_tests(void);
int run_buffer_tests(void);
int run_life_tests(void);
int run_gone_tests(void);

#endif
