/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C of a run of bytes by a device with the `sample` operations, through the rings: the bytes
 * are read into a buffer that the device sees, one group of blocks after the other; several groups
 * are on their way at a time; the CRCs of the blocks are put together here.
 */
#ifndef MILLRACE_CRC_JOB_H
#define MILLRACE_CRC_JOB_H

#include <millrace/millrace.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Where the bytes come from: fills @data with the next @size bytes. How many it were (fewer: these
 * are the last; 0: there are no more) or -errno.
 */
typedef ssize_t (*crc_fill)(void *arg, void *data, size_t size);

/* A crc_fill's work for a descriptor that may give less than was asked for. */
ssize_t crc_read_fully(int fd, void *data, size_t size);

/* Whose error it was when a function here gave one. */
enum crc_failure {
	CRC_FAILURE_NONE,
	CRC_FAILURE_DEVICE,  /* the library's or the session's */
	CRC_FAILURE_SOURCE,  /* the crc_fill's */
	CRC_FAILURE_COMMAND, /* a command completed with this status */
};

/* A group's place in the buffer. */
struct crc_slot {
	uint32_t pending; /* commands without a completion */
	size_t bytes;
	uint32_t *crc;	  /* of its blocks */
};

struct crc_job {
	/* Set by the caller. */
	struct millrace_client *client; /* without a queue pair yet */
	uint32_t block;			/* bytes a command */
	uint32_t group;			/* commands a group, at most */
	uint32_t depth;			/* groups on their way, at most */
	crc_fill fill;
	void *arg;

	/* The result. */
	uint32_t crc;
	uint64_t bytes;
	uint64_t commands;
	uint64_t groups;
	enum crc_failure failure;

	/* Its own. */
	struct millrace_memory memory;
	struct crc_slot *slot;
	uint32_t *crcs;
	uint64_t finished; /* groups; started ones are counted in @groups */
	uint32_t block_shift;
	bool reserved;
	bool end;
};

/* Makes the queue pair and the buffer. 0 or -errno. */
int crc_job_open(struct crc_job *job);

/* From the first byte to the last; again with a source that starts anew. 0 or -errno. */
int crc_job_run(struct crc_job *job);

/* Frees what crc_job_open() made, but for the queue pair, which goes with the client. */
void crc_job_close(struct crc_job *job);

#endif
