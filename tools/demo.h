/* SPDX-License-Identifier: MIT */
/*
 * millrace-demo: shows that the rings compute what they should and what they cost.
 *
 * demo.c is the program, demo_share.c has several processes share a device for one file,
 * demo_measure.c does one job over several transports in turns, demo_rings.c and demo_peer.c are the
 * transports: Millrace's rings, and pipes and sockets to a server process with the same CRC code.
 */
#ifndef MILLRACE_DEMO_H
#define MILLRACE_DEMO_H

#include <jansson.h>
#include <millrace/millrace.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

#define DEMO_CLIENTS	16 /* at most */
#define DEMO_ROUNDS	50 /* at most */
#define DEMO_TRANSPORTS 5
#define DEMO_SAMPLE	(16u << 20) /* of a larger file this much is used for measuring */

struct demo {
	const char *device;
	const char *file;
	uint64_t clients;
	uint64_t block; /* bytes */
	uint64_t group; /* commands */
	uint64_t depth; /* groups on their way */
	uint64_t rounds;
	uint64_t spin_us; /* 0: the library's own choice; of the rings' client */
	double seconds; /* for all measuring together */
	bool json;

	/* What is known of the file without Millrace. */
	uint64_t bytes;
	uint64_t blocks;
	uint32_t reference; /* isa-l's CRC-32C of it all */
	char home[16];

	/* The first bytes of the file, shared with the server processes, and their blocks' CRCs. */
	unsigned char *sample;
	uint64_t sample_bytes;
	uint32_t sample_blocks;
	uint32_t *expected;
};

/* ---- demo_share.c -------------------------------------------------------------------------- */

/* What one client process did. */
struct demo_share {
	uint64_t first, blocks; /* its part of the file */
	uint64_t bytes;
	uint64_t commands, groups, passes, calls, ns;
	int32_t pid;
	int32_t exit; /* enum tool_exit */
	uint32_t crc;
};

/*
 * Runs demo->clients processes at the same time, each on its part of the file, and puts their CRCs
 * together. An exit code.
 */
int demo_share_run(const struct demo *demo, struct demo_share *share, uint32_t *crc);

/* ---- Transports ---------------------------------------------------------------------------- */

/*
 * A way to have blocks of the sample checksummed elsewhere. Functions return 0 or -errno; -EBADMSG
 * when a result is not what isa-l says.
 */
struct transport {
	const char *name, *key;
	const struct transport_ops *ops;
	const struct demo *demo;
	uint64_t calls; /* system calls made by send() and receive(): see calls() */

	/* Pipes and sockets. */
	int to, from, pid;
	bool shared; /* the data is in shared memory; else it goes through the descriptor */

	/* Millrace. */
	struct millrace_client *client;
	struct millrace_memory memory;

	/* The results. */
	struct histogram round_trip;
	double rate[DEMO_ROUNDS]; /* commands a second, in groups */
	double group_calls, single_calls; /* per 1,000 commands */
	double group_io, single_io; /* the same as the kernel counts reads and writes */
	uint64_t group_commands, single_commands;
};

struct transport_ops {
	/* Starts @n consecutive blocks from @first as one group. */
	int (*send)(struct transport *t, uint32_t first, uint32_t n);
	/* Waits for the oldest group, that was this one, and checks its results. */
	int (*receive)(struct transport *t, uint32_t first, uint32_t n);
	/* The system calls of this process for this transport so far. */
	uint64_t (*calls)(struct transport *t);
	void (*close)(struct transport *t);
};

int demo_rings_open(struct transport *t, const struct demo *demo);
int demo_peer_open(struct transport *t, const struct demo *demo);

/* The bytes of @n blocks of the sample from @first; the file's last block may be shorter. */
uint64_t demo_size(const struct demo *demo, uint32_t first, uint32_t n);

/* ---- demo_measure.c ------------------------------------------------------------------------ */

/*
 * Measures all transports, in turns, demo->rounds times. Server processes are forked here, so it is
 * called while this process has no client. An exit code; the caller closes with demo_measure_end().
 */
int demo_measure_run(const struct demo *demo, struct transport *transports);
void demo_measure_end(struct transport *transports);
void demo_measure_print(const struct demo *demo, struct transport *transports);
json_t *demo_measure_json(const struct demo *demo, struct transport *transports);

#endif
