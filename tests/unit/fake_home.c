/* SPDX-License-Identifier: MIT */
#include "fake_home.h"

#include "../../engine/home.h"

__u64 fake_now;
struct fake_executed fake_log[FAKE_LOG];
unsigned int fake_logged;
struct millrace_cmd *fake_out[FAKE_OUT];
unsigned int fake_out_count;
void (*fake_hook)(struct millrace_cmd *cmd);
void (*fake_wake_hook)(struct millrace_session *s);
struct millrace_device fake_device;

static __u64 random_state;

/* ---- What a home defines ------------------------------------------------------------------- */

void millrace_home_wake(struct millrace_session *s)
{
	struct fake_session *f = container_of(s, struct fake_session, session);

	__atomic_fetch_add(&f->wakes, 1, __ATOMIC_RELAXED);
	millrace_store(&f->tail_when_woken, millrace_load(&s->driver->cq_tail.value));
	if (fake_wake_hook)
		fake_wake_hook(s);
}

void millrace_home_drained(struct millrace_session *s)
{
	struct fake_session *f = container_of(s, struct fake_session, session);

	__atomic_fetch_add(&f->drained, 1, __ATOMIC_RELEASE);
}

__u64 millrace_now(void)
{
	return fake_now;
}

void millrace_yield(void)
{
}

/* ---- The driver ---------------------------------------------------------------------------- */

static __u64 touch(const struct millrace_span *span)
{
	const volatile unsigned char *p = span->data;
	__u64 i;

	for (i = 0; i < span->size; i++)
		(void)p[i];
	return span->size;
}

static void note(struct millrace_cmd *cmd)
{
	if (fake_logged < FAKE_LOG)
		fake_log[fake_logged++] = (struct fake_executed){
			.session = cmd->session,
			.tag = cmd->op->params ? cmd->param[0] : 0,
		};
}

static int fake_execute(struct millrace_cmd *cmd)
{
	note(cmd);
	if (fake_hook)
		fake_hook(cmd);
	switch (cmd->op->opcode) {
	case FAKE_ADD:
		cmd->output[0] = cmd->param[0] + cmd->param[1];
		break;
	case FAKE_TOUCH:
		cmd->output[0] = touch(&cmd->span[0]);
		break;
	case FAKE_PAIR:
		cmd->output[0] = touch(&cmd->span[0]);
		cmd->output[1] = touch(&cmd->span[1]);
		break;
	case FAKE_LATER:
		fake_out[fake_out_count++] = cmd;
		return MILLRACE_LATER;
	case FAKE_FAIL:
		cmd->output[0] = 0x5ec2e7;
		return -(int)cmd->param[0];
	}
	return 0;
}

/* All that is on its way of this session completes now. */
static void fake_cancel(struct millrace_cmd *cmd)
{
	unsigned int i;

	for (i = 0; i < fake_out_count; i++)
		if (fake_out[i] == cmd) {
			fake_complete(i, -ECANCELED);
			return;
		}
}

static const struct millrace_op fake_ops[] = {
	{ .name = "nop", .opcode = FAKE_NOP, .params = 1 },
	{ .name = "add", .opcode = FAKE_ADD, .params = 2, .outputs = 1 },
	{ .name = "touch", .opcode = FAKE_TOUCH, .params = 3, .outputs = 1, .spans = 1,
	  .span = { { 0, 1, 2 } } },
	{ .name = "pair", .opcode = FAKE_PAIR, .params = 6, .outputs = 2, .spans = 2,
	  .span = { { 0, 1, 2 }, { 3, 4, 5 } } },
	{ .name = "later", .opcode = FAKE_LATER, .params = 1, .outputs = 1 },
	{ .name = "fail", .opcode = FAKE_FAIL, .params = 1, .outputs = 1 },
	{ .name = "last", .opcode = FAKE_LAST, .params = 1 },
};

static const struct millrace_driver intact_driver = {
	.name = "fake",
	.ops = fake_ops,
	.op_count = LENGTH(fake_ops),
	.may_inline = true,
	.execute = fake_execute,
	.cancel = fake_cancel,
};

struct millrace_driver fake_driver;

__attribute__((constructor)) static void reset_driver(void)
{
	fake_driver = intact_driver;
}

/* ---- A test's device and sessions ---------------------------------------------------------- */

int fake_start(void **state)
{
	(void)state;
	fake_now = 1000000000;
	fake_logged = 0;
	fake_out_count = 0;
	fake_hook = NULL;
	fake_wake_hook = NULL;
	random_state = 0x9e3779b97f4a7c15;
	fake_device = (struct millrace_device){ 0 };
	return millrace_device_init(&fake_device, &fake_driver, "fake0", MILLRACE_HOME_LOCAL);
}

int fake_stop(void **state)
{
	(void)state;
	millrace_device_exit(&fake_device);
	fake_driver = intact_driver;
	return 0;
}

void fake_open_at(struct fake_session *f, __u32 sq_entries, __u32 cq_entries, __u32 poll_us)
{
	struct millrace_session *s = &f->session;

	assert_int_equal(millrace_session_init(s, &fake_device), 0);
	f->setup = (struct millrace_setup){
		.abi = MILLRACE_ABI,
		.sq_entries = sq_entries,
		.cq_entries = cq_entries,
		.poll_us = poll_us,
	};
	assert_int_equal(millrace_session_setup(s, &f->setup), 0);
	/* Allocated to the byte's page, so that ASAN sees what is beyond. */
	f->client_area = aligned_alloc(4096, f->setup.client_size);
	f->driver_area = aligned_alloc(4096, f->setup.driver_size);
	assert_non_null(f->client_area);
	assert_non_null(f->driver_area);
	memset(f->client_area, 0, f->setup.client_size);
	memset(f->driver_area, 0, f->setup.driver_size);
	assert_int_equal(millrace_session_start(s, &f->setup, f->client_area, f->driver_area), 0);
	millrace_producer_init(&f->sq, sq_entries, MILLRACE_INDEX_START, &s->client->sq_tail.value,
			       &s->driver->sq_head.value);
	millrace_consumer_init(&f->cq, f->setup.cq_entries, MILLRACE_INDEX_START,
			       &s->client->cq_head.value, &s->driver->cq_tail.value);
}

struct fake_session *fake_open(__u32 sq_entries, __u32 cq_entries, __u32 poll_us)
{
	struct fake_session *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fake_open_at(f, sq_entries, cq_entries, poll_us);
	return f;
}

void fake_close_at(struct fake_session *f)
{
	millrace_sched_remove(&f->session);
	assert_true(millrace_session_drain(&f->session));
	millrace_session_exit(&f->session);
	free(f->client_area);
	free(f->driver_area);
}

void fake_close(struct fake_session *f)
{
	fake_close_at(f);
	free(f);
}

struct millrace_sqe *fake_push(struct fake_session *f, __u16 opcode, __u16 group, __u64 user_data)
{
	char *sqes = (char *)f->client_area + f->setup.sqe_offset;
	__u32 position = f->sq.tail++ & (f->setup.sq_entries - 1);
	struct millrace_sqe *sqe =
		(struct millrace_sqe *)(sqes + (size_t)position * f->setup.sqe_size);

	memset(sqe, 0, f->setup.sqe_size);
	sqe->opcode = opcode;
	sqe->group = group;
	sqe->user_data = user_data;
	return sqe;
}

void fake_push_group(struct fake_session *f, __u16 n, __u64 tag)
{
	__u16 i;

	for (i = 0; i < n; i++)
		fake_push(f, FAKE_NOP, i ? 0 : n, tag + i)->param[0] = tag + i;
}

bool fake_publish(struct fake_session *f)
{
	__u32 before = millrace_producer_publish(&f->sq);

	return millrace_event_check(&f->session.driver->sq_event.value, before, f->sq.tail);
}

bool fake_kick(struct fake_session *f)
{
	return millrace_sched_kick(&f->session);
}

bool fake_submit(struct fake_session *f)
{
	bool due = fake_publish(f);

	if (due)
		fake_kick(f);
	return due;
}

const struct millrace_cqe *fake_take(struct fake_session *f)
{
	static __u64 copy[2 + MILLRACE_OUTPUTS];
	const char *cqes = (const char *)f->driver_area + f->setup.cqe_offset;
	__u32 position = f->cq.head & (f->setup.cq_entries - 1);

	if (!millrace_consumer_available(&f->cq)) {
		assert_int_equal(millrace_consumer_refresh(&f->cq), 0);
		if (!millrace_consumer_available(&f->cq))
			return NULL;
	}
	memcpy(copy, cqes + (size_t)position * f->setup.cqe_size, f->setup.cqe_size);
	millrace_consumer_release(&f->cq, 1);
	return (const struct millrace_cqe *)copy;
}

void fake_expect(struct fake_session *f, __u64 user_data, int status)
{
	const struct millrace_cqe *cqe = fake_take(f);

	assert_non_null(cqe);
	assert_int_equal(cqe->user_data, user_data);
	assert_int_equal(cqe->status, status);
	assert_int_equal(cqe->reserved, 0);
}

void fake_expect_none(struct fake_session *f)
{
	assert_null(fake_take(f));
}

unsigned int fake_take_all(struct fake_session *f)
{
	unsigned int n = 0;

	while (fake_take(f))
		n++;
	return n;
}

unsigned int fake_run(void)
{
	unsigned int turns = 0;

	while (millrace_sched_run(&fake_device))
		turns++;
	return turns;
}

void fake_complete(unsigned int i, int status)
{
	struct millrace_cmd *cmd = fake_out[i];

	assert_true(i < fake_out_count);
	memmove(&fake_out[i], &fake_out[i + 1], (--fake_out_count - i) * sizeof(fake_out[0]));
	if (!status)
		cmd->output[0] = cmd->param[0];
	millrace_cmd_complete(cmd, status);
}

static void destroy(struct millrace_buffer *b)
{
	struct fake_buffer *f = container_of(b, struct fake_buffer, buffer);

	if (f->destroyed)
		++*f->destroyed;
	free(f->buffer.data);
	free(f);
}

struct millrace_buffer *fake_buffer(__u64 size, unsigned int *destroyed)
{
	struct fake_buffer *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->buffer.data = calloc(1, size);
	f->buffer.size = size;
	f->buffer.destroy = destroy;
	f->destroyed = destroyed;
	millrace_refs_init(&f->buffer.refs);
	return &f->buffer;
}

__u32 fake_insert(struct fake_session *f, __u64 size, unsigned int *destroyed)
{
	struct millrace_buffer *b = fake_buffer(size, destroyed);
	__u32 handle = 0;

	assert_int_equal(millrace_buffer_insert(&f->session.buffers, b, &handle), 0);
	assert_int_not_equal(handle, 0);
	return handle;
}

__u64 fake_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

int fake_main(const char *name, const struct CMUnitTest *tests, size_t count)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL) ? 1 : 0;
}
