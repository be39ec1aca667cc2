/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The Millrace ABI: what an application and the home of a driver share.
 *
 * The same structures serve both homes. The kernel home takes the requests below as ioctls on
 * /dev/millrace/<device>; the process home takes them as messages (struct millrace_message) on a
 * UNIX SOCK_SEQPACKET socket, with the request's number being the ioctl's. The rings in shared
 * memory are identical to the bit.
 *
 * Rules: fixed-size types, natural alignment, padding explicit and zero. A request with an unknown
 * flag or a non-zero reserved field fails with EINVAL. Sizes and geometry are asked at run time.
 * Times are absolute CLOCK_MONOTONIC nanoseconds.
 */
#ifndef _UAPI_MILLRACE_H
#define _UAPI_MILLRACE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MILLRACE_ABI		1
#define MILLRACE_NAME_SIZE	32

/* ---- The rings ---------------------------------------------------------------------------- */

/*
 * Every index is a free-running u32 that starts here, so that every session crosses the wrap of
 * 2^32 after its sixteenth entry and no bug of the wrap can hide. Entries are powers of two and an
 * entry's position is index & (entries - 1).
 */
#define MILLRACE_INDEX_START	0xfffffff0U

/*
 * A command. sqe_size (see struct millrace_setup) bytes apart in the SQ; param[] has room for what
 * the device's operations declare. Parameters beyond an operation's own number are not read.
 *
 * @group: in the first command of a group the number of its commands (1 for a command alone), in
 *	   the others 0. A group is published by one store of the SQ tail; it runs with nothing of
 *	   another session between its commands, and is admitted whole or not at all: when one of its
 *	   commands is malformed, that one completes with its error and the others with -ECANCELED.
 * @user_data: comes back in the completion, never interpreted.
 */
struct millrace_sqe {
	__u16 opcode;
	__u16 flags; /* must be 0 */
	__u16 group;
	__u16 reserved; /* must be 0 */
	__u64 user_data;
	__u64 param[];
};

/*
 * A completion; cqe_size bytes apart in the CQ. Exactly one for each command taken from the SQ.
 *
 * @status: 0, or a negative errno of the command
 */
struct millrace_cqe {
	__u64 user_data;
	__s32 status;
	__u32 reserved; /* 0 */
	__u64 output[];
};

/* An index on a cache line of its own, with a guard line against the adjacent-line prefetcher. */
struct millrace_index {
	__u32 value;
	__u32 guard[31];
};

/*
 * The client-owned area: the client writes, the home only reads. The SQ entries follow at
 * millrace_setup.sqe_offset of the same mapping.
 *
 * @sq_tail:  one past the last command published
 * @cq_head:  one past the last completion taken
 * @cq_event: "wake me when the CQ tail passes this index"
 * @spins, @waits: the client's own count of waits that ended while it was spinning, and of those
 *		   that slept. For the statistics only: the home shows them and believes nothing.
 */
struct millrace_client_area {
	struct millrace_index sq_tail;
	struct millrace_index cq_head;
	struct millrace_index cq_event;
	__u32 spins;
	__u32 waits;
	__u32 guard[30];
};

/*
 * The driver-owned area: the home writes; the client's mapping is read-only and cannot be made
 * writable. The CQ entries follow at millrace_setup.cqe_offset of the same mapping.
 *
 * @sq_head:  one past the last command taken
 * @cq_tail:  one past the last completion published
 * @sq_event: "kick me when the SQ tail passes this index"
 * @error:    enum millrace_error: why this session has ended; once set it stays
 */
struct millrace_driver_area {
	struct millrace_index sq_head;
	struct millrace_index cq_tail;
	struct millrace_index sq_event;
	struct millrace_index error;
};

/* Why a session has ended. The errno is what every later call on the session returns. */
enum millrace_error {
	MILLRACE_ERROR_NONE = 0,
	MILLRACE_ERROR_SQ_TAIL = 1, /* EPROTO: the SQ tail went back or beyond the ring */
	MILLRACE_ERROR_CQ_HEAD = 2, /* EPROTO: the CQ head went back or beyond the CQ tail */
	MILLRACE_ERROR_GROUP = 3,   /* EPROTO: a group of length 0, or longer than published or allowed */
	MILLRACE_ERROR_GONE = 4,    /* ENODEV: the device or its home has gone */
};

/*
 * The ring contract, for whoever writes a client without libmillrace (ring/ is the reference):
 *
 * - Publish: write the SQEs, store-release sq_tail, full fence, load sq_event; kick when
 *   (u32)(tail - sq_event - 1) < (u32)(tail - previous tail).
 * - Never publish more than sq_entries beyond sq_head, nor more than cq_entries beyond the own
 *   cq_head: every command has exactly one completion and is only taken when the CQ has room for it.
 *   (A client that breaks the second rule is not punished, but must kick after it made room.)
 * - Take: load-acquire cq_tail, read the CQEs, store-release cq_head.
 * - Sleep: store cq_event, full fence, look at cq_tail once more, then wait.
 */

/* ---- Requests ----------------------------------------------------------------------------- */

enum millrace_home {
	MILLRACE_HOME_KERNEL = 1,
	MILLRACE_HOME_PROCESS = 2,
	MILLRACE_HOME_LOCAL = 3,
};

/* MILLRACE_IOC_INFO: what the device is and allows. Sizes in bytes. */
struct millrace_info {
	__u32 abi;  /* MILLRACE_ABI */
	__u32 home; /* enum millrace_home */
	char name[MILLRACE_NAME_SIZE];
	char driver[MILLRACE_NAME_SIZE];
	__u32 ops;	   /* number of operations, see MILLRACE_IOC_OP */
	__u32 max_params;  /* of any operation */
	__u32 max_outputs; /* of any operation */
	__u32 sqe_size;
	__u32 cqe_size;
	__u32 max_entries; /* of either ring; a power of two */
	__u32 max_group;   /* commands in one group */
	__u32 max_buffers; /* per session */
	__u64 max_buffer_size;
	__u32 max_sessions;
	__u32 max_poll_us;
	__u32 sessions;	   /* with a queue pair, now */
	__u32 padding;	   /* 0 */
	__u64 max_memory;  /* of all buffers of a session */
	__u32 reserved[2]; /* 0 */
};

/* MILLRACE_IOC_OP: one operation. @index in (0 .. info.ops - 1, else ENOENT), the rest out. */
struct millrace_op_info {
	__u32 index;
	__u16 opcode;
	__u8 params;
	__u8 outputs;
	char name[MILLRACE_NAME_SIZE];
	__u32 reserved[2]; /* 0 */
};

/* millrace_setup.poll_us: how long the home polls the SQ after a command before it sleeps. */
#define MILLRACE_POLL_ADAPTIVE	0U  /* as long as kicks have lately come soon, else not at all */
#define MILLRACE_POLL_NEVER	~0U /* sleep at once */

/*
 * MILLRACE_IOC_SETUP: make the session's queue pair; once per session (EBUSY).
 *
 * In: @abi, @sq_entries and @cq_entries (powers of two, 1 .. info.max_entries, cq_entries 0 for as
 * many as sq_entries), @poll_us (above, or 1 .. info.max_poll_us). Out: the rest. The kernel home
 * gives the areas at mmap offsets @client_offset and @driver_offset of the device; the process home
 * answers with four descriptors: memfd of the client-owned area, memfd of the driver-owned area,
 * eventfd to write to for a kick, socket to read from when asleep (it ends when the home dies).
 */
struct millrace_setup {
	__u32 abi;
	__u32 flags; /* must be 0 */
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 poll_us;
	__u32 sqe_size;
	__u32 cqe_size;
	__u32 sqe_offset; /* in the client-owned mapping */
	__u32 cqe_offset; /* in the driver-owned mapping */
	__u32 max_group;
	__u64 client_size;
	__u64 driver_size;
	__u64 client_offset;
	__u64 driver_offset;
	__u32 reserved[4]; /* must be 0 */
};

#define MILLRACE_ENTER_KICK (1U << 0) /* look at the SQ */
#define MILLRACE_ENTER_WAIT (1U << 1) /* until min_complete completions are there */
#define MILLRACE_FOREVER    (~(__u64)0)

/*
 * MILLRACE_IOC_ENTER (kernel home only): kick, wait, or both in one call. A kick comes from the thread
 * that publishes, after it has. Returns the number of completions now in the CQ. ETIMEDOUT when
 * @deadline passed first (a deadline in the past: look once), EINTR on a signal, EPROTO or ENODEV when
 * the session has ended and the CQ is empty, EINVAL when @min_complete is 0 with WAIT, larger than the
 * CQ, or there is no queue pair.
 */
struct millrace_enter {
	__u32 flags;
	__u32 min_complete;
	__u64 deadline; /* ns, CLOCK_MONOTONIC; MILLRACE_FOREVER */
	__u64 reserved; /* must be 0 */
};

/*
 * fdatasync() (kernel home only): as ENTER with KICK and WAIT for all commands published so far, without
 * a deadline, in a shorter way. 0, or EINTR, EPROTO, ENODEV, EINVAL as above; EAGAIN when the CQ has
 * no room for all of them until the client has taken some.
 */

/*
 * MILLRACE_IOC_BUFFER_CREATE: memory made by the home. In: @size. Out: @handle, @offset to mmap
 * (process home: the memfd comes with the answer), @size rounded up to pages.
 * MILLRACE_IOC_BUFFER_REGISTER: the caller's own memory. In: @address, @size, both multiples of the
 * page size, private anonymous writable memory. Out: @handle. (Process home: the memory is a memfd
 * sealed against shrinking that comes with the request.)
 * MILLRACE_IOC_BUFFER_FREE: In: @handle. Commands that use it go on; its memory goes with the last.
 */
struct millrace_buffer_request {
	__u32 flags; /* must be 0 */
	__u32 handle;
	__u64 size;
	__u64 address;
	__u64 offset;
	__u64 reserved; /* must be 0 */
};

/* MILLRACE_IOC_EVENTFD: an eventfd of the caller's to signal as well on each wake-up; -1: none. */
struct millrace_eventfd {
	__s32 fd;
	__u32 reserved; /* must be 0 */
};

/*
 * MILLRACE_IOC_STATS: the sessions of this device, one a call. In: @id, the first to report is the
 * session with the lowest id not below it; ENOENT when there is none. Counters since set-up.
 */
struct millrace_session_stats {
	__u64 id;
	__u32 pid;
	__u32 uid;
	char comm[16];
	__u32 error;	/* enum millrace_error */
	__u32 sq_depth; /* commands published and not taken, now */
	__u32 in_flight; /* commands taken and not completed, now */
	__u32 cq_depth; /* completions not taken by the client, now */
	__u32 buffers;
	__u32 reserved;
	__u64 buffer_bytes;
	__u64 commands;	 /* taken */
	__u64 groups;	 /* taken */
	__u64 turns;	 /* times the scheduler came round */
	__u64 inlined;	 /* groups run in the submitter's own context */
	__u64 kicks;	 /* received */
	__u64 wakeups;	 /* sent */
	__u64 stalls;	 /* turns that found no room in the CQ */
	__u64 errors;	 /* completions with a status other than 0 */
	__u64 spins;	 /* as the client says */
	__u64 waits;	 /* as the client says */
};

#define MILLRACE_IOC_MAGIC 0xB7
#define MILLRACE_IOC_INFO	     _IOR(MILLRACE_IOC_MAGIC, 0x00, struct millrace_info)
#define MILLRACE_IOC_OP		     _IOWR(MILLRACE_IOC_MAGIC, 0x01, struct millrace_op_info)
#define MILLRACE_IOC_STATS	     _IOWR(MILLRACE_IOC_MAGIC, 0x02, struct millrace_session_stats)
#define MILLRACE_IOC_SETUP	     _IOWR(MILLRACE_IOC_MAGIC, 0x10, struct millrace_setup)
#define MILLRACE_IOC_ENTER	     _IOW(MILLRACE_IOC_MAGIC, 0x11, struct millrace_enter)
#define MILLRACE_IOC_EVENTFD	     _IOW(MILLRACE_IOC_MAGIC, 0x12, struct millrace_eventfd)
#define MILLRACE_IOC_BUFFER_CREATE   _IOWR(MILLRACE_IOC_MAGIC, 0x20, struct millrace_buffer_request)
#define MILLRACE_IOC_BUFFER_REGISTER _IOWR(MILLRACE_IOC_MAGIC, 0x21, struct millrace_buffer_request)
#define MILLRACE_IOC_BUFFER_FREE     _IOW(MILLRACE_IOC_MAGIC, 0x22, struct millrace_buffer_request)

/*
 * One message on the process home's socket, either way: a request and its answer have the same
 * @request and the argument's whole structure in @argument; @result is 0 in a request, and 0 or a
 * negative errno in an answer. Descriptors travel beside it (SCM_RIGHTS).
 */
struct millrace_message {
	__u32 request;
	__s32 result;
	union {
		struct millrace_info info;
		struct millrace_op_info op;
		struct millrace_session_stats stats;
		struct millrace_setup setup;
		struct millrace_eventfd eventfd;
		struct millrace_buffer_request buffer;
	} argument;
};

#endif /* _UAPI_MILLRACE_H */
