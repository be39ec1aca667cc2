// SPDX-License-Identifier: MIT
/*
 * The smallest complete consumer: the CRC-32C of some words, by the device named on the command line.
 *
 *	crc DEVICE WORD...		crc sample0 123456789
 */
#include <millrace/millrace.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"

static int crc(struct millrace_client *client, const struct millrace_memory *memory, __u64 size)
{
	struct millrace_slots sq, cq;
	struct millrace_sqe *sqe;
	int ret;

	ret = millrace_queue_reserve(client, 1, &sq);
	if (ret)
		return ret;
	sqe = millrace_sqe(&sq, 0);
	millrace_sqe_prepare(sqe, SAMPLE_CRC32C, 0);
	sqe->param[0] = memory->handle;
	sqe->param[1] = 0; /* offset */
	sqe->param[2] = size;
	sqe->param[3] = 0; /* the CRC to continue from */
	ret = millrace_queue_submit_and_wait(client, 1, MILLRACE_FOREVER);
	if (ret < 0)
		return ret;
	millrace_queue_peek(client, &cq);
	ret = millrace_cqe(&cq, 0)->status;
	if (!ret)
		printf("%08llx\n", (unsigned long long)millrace_cqe(&cq, 0)->output[0]);
	millrace_queue_release(client, 1);
	return ret;
}

int main(int argc, char **argv)
{
	struct millrace_client *client = NULL;
	struct millrace_memory memory;
	int i, ret;

	ret = millrace_client_open(argc > 1 ? argv[1] : "sample0", &client);
	if (!ret)
		ret = millrace_queue_setup(client, &(struct millrace_queue_params){ .entries = 4 });
	if (!ret)
		ret = millrace_buffer_create(client, 4096, &memory);
	for (i = 2; !ret && i < argc; i++) {
		size_t size = strnlen(argv[i], memory.size);

		memcpy(memory.data, argv[i], size);
		ret = crc(client, &memory, size);
	}
	if (ret)
		fprintf(stderr, "crc: %s\n", strerror(-ret));
	millrace_client_close(client);
	return ret ? 1 : 0;
}
