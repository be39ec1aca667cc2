/* SPDX-License-Identifier: MIT */
/*
 * A home for the engine that does nothing by itself: no threads, no clock, no sleep. Tests play the
 * client and the worker, step by step, and read what the engine asked of its home.
 */
#ifndef TESTS_UNIT_FAKE_HOME_H
#define TESTS_UNIT_FAKE_HOME_H

/* clang-format off: cmocka.h wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "../../engine/session.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What millrace_now() says. */
extern __u64 fake_now;

/* The fake driver's operations, with their parameters -> outputs. */
enum fake_opcode {
	FAKE_NOP = 0,
	FAKE_ADD = 1,	/* a, b -> a + b */
	FAKE_TOUCH = 2, /* handle, offset, size -> size; reads every byte */
	FAKE_PAIR = 3,	/* handle, offset, size, handle, offset, size -> size, size */
	FAKE_LATER = 4, /* -> user's number; completes when the test says so: fake_complete() */
	FAKE_FAIL = 5,	/* status -> that status, and an output that nobody must see */
	FAKE_LAST = 255,
};

struct fake_session {
	struct millrace_session session;
	struct millrace_setup setup;
	void *client_area, *driver_area;
	/* the client's ends */
	struct millrace_producer sq;
	struct millrace_consumer cq;
	/* what the engine asked for */
	unsigned int wakes, drained;
	__u32 tail_when_woken; /* the CQ tail that the client could see */
};

/* What the driver was given, in order. */
struct fake_executed {
	struct millrace_session *session;
	__u64 tag; /* param[0] of a NOP, ADD, FAIL, LATER */
};

#define FAKE_LOG 65536
extern struct fake_executed fake_log[FAKE_LOG];
extern unsigned int fake_logged;

/* Commands on their way, in the order of their execution. */
#define FAKE_OUT 4096
extern struct millrace_cmd *fake_out[FAKE_OUT];
extern unsigned int fake_out_count;

/* Called inside each execute(), when set. */
extern void (*fake_hook)(struct millrace_cmd *cmd);

/* Called inside each millrace_home_wake(), when set. */
extern void (*fake_wake_hook)(struct millrace_session *s);

extern struct millrace_device fake_device;
extern struct millrace_driver fake_driver; /* limits may be changed before fake_start() */

/* One device for a test: cmocka's setup and teardown functions. */
int fake_start(void **state);
int fake_stop(void **state);

/* A session with a queue pair; poll_us as in millrace_setup. */
struct fake_session *fake_open(__u32 sq_entries, __u32 cq_entries, __u32 poll_us);
/* The same for the session of the caller's, zeroed memory. */
void fake_open_at(struct fake_session *f, __u32 sq_entries, __u32 cq_entries, __u32 poll_us);
/* Takes it out, cancels, exits. */
void fake_close(struct fake_session *f);
void fake_close_at(struct fake_session *f);

/* The client: write one command (no room is checked), publish, kick if due. */
struct millrace_sqe *fake_push(struct fake_session *f, __u16 opcode, __u16 group, __u64 user_data);
bool fake_publish(struct fake_session *f); /* whether a kick is due */
bool fake_submit(struct fake_session *f);  /* publishes, kicks if due; whether it was */
bool fake_kick(struct fake_session *f);
/* The length of the group goes into its first command: n NOPs with param[0] tag, tag + 1, ... */
void fake_push_group(struct fake_session *f, __u16 n, __u64 tag);
/* The next completion, or NULL; valid until the next call, which releases it. */
const struct millrace_cqe *fake_take(struct fake_session *f);
/* Takes one completion and checks it. */
void fake_expect(struct fake_session *f, __u64 user_data, int status);
void fake_expect_none(struct fake_session *f);
/* Takes all that is there; how many. */
unsigned int fake_take_all(struct fake_session *f);

/* The worker: turns until nobody is ready. How many. */
unsigned int fake_run(void);

/* Completes the i-th command on its way and takes it out of fake_out[]. */
void fake_complete(unsigned int i, int status);

/* A buffer in malloc'ed memory of exactly this size, to be inserted by the test. */
struct fake_buffer {
	struct millrace_buffer buffer;
	unsigned int *destroyed;
};
struct millrace_buffer *fake_buffer(__u64 size, unsigned int *destroyed);
__u32 fake_insert(struct fake_session *f, __u64 size, unsigned int *destroyed);

/* A sequence of numbers, the same in each run. */
__u64 fake_random(void);

int fake_main(const char *name, const struct CMUnitTest *tests, size_t count);
#define fake_test(function) cmocka_unit_test_setup_teardown(function, fake_start, fake_stop)

#endif
