// SPDX-License-Identifier: MIT
#include "raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

void client_open_path(struct client *c, const char *path)
{
	*c = (struct client){ .fd = open(path, O_RDWR | O_CLOEXEC) };
	c->tail = c->head = MILLRACE_INDEX_START;
	assert_true(c->fd >= 0);
}

void client_open(struct client *c)
{
	client_open_path(c, DEVICE);
}

long client_setup(struct client *c, __u32 sq, __u32 cq, __u32 poll_us)
{
	c->setup = (struct millrace_setup){
		.abi = MILLRACE_ABI,
		.sq_entries = sq,
		.cq_entries = cq,
		.poll_us = poll_us,
	};
	return call(c->fd, MILLRACE_IOC_SETUP, &c->setup);
}

void client_map(struct client *c)
{
	c->c = mmap(NULL, c->setup.client_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd,
		    c->setup.client_offset);
	assert_true(c->c != MAP_FAILED);
	c->d = mmap(NULL, c->setup.driver_size, PROT_READ, MAP_SHARED, c->fd,
		    c->setup.driver_offset);
	assert_true(c->d != MAP_FAILED);
	c->sqes = (char *)c->c + c->setup.sqe_offset;
	c->cqes = (char *)c->d + c->setup.cqe_offset;
}

void client_start(struct client *c, __u32 sq, __u32 cq, __u32 poll_us)
{
	client_open(c);
	assert_int_equal(client_setup(c, sq, cq, poll_us), 0);
	client_map(c);
}

void client_close(struct client *c)
{
	assert_int_equal(close(c->fd), 0);
	if (c->c) {
		munmap(c->c, c->setup.client_size);
		munmap(c->d, c->setup.driver_size);
	}
}

void client_put(struct client *c, __u16 opcode, __u16 group, __u64 user_data, __u64 a, __u64 b,
		__u64 d, __u64 e)
{
	struct millrace_sqe *sqe = (void *)(c->sqes + (size_t)(c->tail & (c->setup.sq_entries - 1)) *
							      c->setup.sqe_size);

	memset(sqe, 0, c->setup.sqe_size);
	sqe->opcode = opcode;
	sqe->group = group;
	sqe->user_data = user_data;
	sqe->param[0] = a;
	sqe->param[1] = b;
	sqe->param[2] = d;
	sqe->param[3] = e;
	c->tail++;
}

void client_publish(struct client *c)
{
	__atomic_store_n(&c->c->sq_tail.value, c->tail, __ATOMIC_RELEASE);
}

void client_submit(struct client *c, __u16 opcode, __u64 user_data, __u64 a, __u64 b)
{
	client_put(c, opcode, 1, user_data, a, b, 0, 0);
	client_publish(c);
}

long client_enter(struct client *c, __u32 flags, __u32 min, __u64 deadline)
{
	struct millrace_enter e = { .flags = flags, .min_complete = min, .deadline = deadline };

	return call(c->fd, MILLRACE_IOC_ENTER, &e);
}

bool client_take(struct client *c, struct millrace_cqe *cqe, __u64 *output)
{
	const struct millrace_cqe *in;

	if (__atomic_load_n(&c->d->cq_tail.value, __ATOMIC_ACQUIRE) == c->head)
		return false;
	in = (void *)(c->cqes + (size_t)(c->head & (c->setup.cq_entries - 1)) * c->setup.cqe_size);
	*cqe = *in;
	if (output)
		*output = in->output[0];
	__atomic_store_n(&c->c->cq_head.value, ++c->head, __ATOMIC_RELEASE);
	return true;
}

void client_expect(struct client *c, __u64 user_data, int status, __u64 *output)
{
	struct millrace_cqe cqe;

	assert_true(client_take(c, &cqe, output));
	assert_int_equal(cqe.user_data, user_data);
	assert_int_equal(cqe.status, status);
	assert_int_equal(cqe.reserved, 0);
}

struct millrace_session_stats client_stats(struct client *c)
{
	struct millrace_session_stats s = { 0 }, found = { 0 };

	for (; !call(c->fd, MILLRACE_IOC_STATS, &s); s = (struct millrace_session_stats){ .id = s.id + 1 })
		if (s.pid == (__u32)getpid())
			found = s;
	assert_int_not_equal(found.id, 0);
	return found;
}

long status_kb(const char *field)
{
	char line[256];
	long value = -1;
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			value = atol(line + strlen(field));
	fclose(f);
	return value;
}

long device_attr(const char *name)
{
	char path[128], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/millrace/sample0/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	return atol(text);
}

__u32 crc32c(const void *data, size_t size)
{
	const unsigned char *p = data;
	__u32 crc = ~0u;
	int k;

	while (size--) {
		crc ^= *p++;
		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

int main(void)
{
	int failed = 0;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	alarm(120);
	failed += run_setup_tests();
	failed += run_enter_tests();
	failed += run_buffer_tests();
	failed += run_life_tests();
	failed += run_gone_tests();
	return failed != 0;
}
