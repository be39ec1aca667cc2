// SPDX-License-Identifier: MIT
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int tool_open(const char *device, struct millrace_client **client)
{
	int ret = millrace_client_open(device, client);

	return ret ? tool_device_failed(device, ret) : TOOL_OK;
}

bool tool_has_op(struct millrace_client *client, uint16_t opcode, const char *name)
{
	struct millrace_op_info op;
	unsigned int i;

	for (i = 0; !millrace_client_op(client, i, &op); i++)
		if (op.opcode == opcode)
			return !strcmp(op.name, name);
	return false;
}

bool tool_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	unsigned int shift = 0;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (*end == 'k' || *end == 'K')
		shift = 10;
	else if (*end == 'M')
		shift = 20;
	else if (*end == 'G')
		shift = 30;
	if (shift)
		end++;
	if (*end || n > UINT64_MAX >> shift)
		return false;
	*value = n << shift;
	return *value >= min && *value <= max;
}

void tool_parse_number(struct argp_state *state, const char *what, const char *arg, uint64_t max,
		       uint64_t *value)
{
	if (!tool_parse_size(arg, 1, max, value))
		argp_error(state, "%s: %s is not a number from 1 to %llu", what, arg,
			   (unsigned long long)max);
}

/* Of several sessions of this process on one device, the latest has the highest id. */
bool tool_own_stats(struct millrace_client *client, struct millrace_session_stats *stats)
{
	struct millrace_session_stats s;
	bool found = false;
	__u64 id;

	for (id = 0; !millrace_client_stats(client, id, &s); id = s.id + 1) {
		if (s.pid != (__u32)getpid())
			continue;
		*stats = s;
		found = true;
	}
	return found;
}

uint32_t tool_round_up(uint32_t n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

uint64_t tool_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
