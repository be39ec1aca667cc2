/* SPDX-License-Identifier: MIT */
/*
 * millrace/buffer.h - memory that the application, the driver and the device share.
 *
 * Commands name a stretch of a buffer by its handle, an offset and a size; the home checks each.
 * The content is everybody's: while a command uses a buffer, its application should not write to it.
 *
 * Thread-safety: any thread, for one client one call at a time is made and the others wait.
 */
#ifndef MILLRACE_BUFFER_H
#define MILLRACE_BUFFER_H

#include <millrace/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct millrace_memory {
	void *data;
	__u64 size;   /* bytes */
	__u32 handle; /* for commands; never 0 */
};

/*
 * Has the driver's home make a buffer of at least @size bytes, zeroed, and maps it. The caller frees
 * it with millrace_buffer_free(); closing the client does so too. memory->size is the size rounded up
 * to pages. -EINVAL: 0, or more than info->max_buffer_size. -ENOSPC: the session has
 * info->max_buffers. -ENOMEM: it would have more than info->max_memory bytes in them.
 */
int millrace_buffer_create(struct millrace_client *client, __u64 size,
			   struct millrace_memory *memory);

/*
 * Makes memory of the caller's own a buffer, in place, without a copy in the data path. Address and
 * size are multiples of the page size; the memory is private, anonymous and writable (malloc with
 * alignment, mmap; not a file, not already shared). It stays readable and writable throughout.
 *
 * In the kernel home its pages are pinned and count against RLIMIT_MEMLOCK. For a process home they
 * are exchanged for shared ones with the same content: no other thread may write to the range during
 * this call and during the freeing; a child forked while it is registered shares it.
 *
 * -EFAULT: not mapped, or not writable. -EOPNOTSUPP: not private anonymous memory, or a buffer of this
 * client's already. -ENOMEM: the limit on locked memory, or no memory.
 */
int millrace_buffer_register(struct millrace_client *client, void *data, __u64 size,
			     struct millrace_memory *memory);

/*
 * Ends a buffer: the handle is unknown from now on and commands that still run with it keep its
 * memory. A created buffer is unmapped; registered memory stays with its content and is the caller's
 * alone again once those commands are done. -ENOENT: no such handle.
 */
int millrace_buffer_free(struct millrace_client *client, struct millrace_memory *memory);

#ifdef __cplusplus
}
#endif

#endif
