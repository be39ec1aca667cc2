/* SPDX-License-Identifier: MIT */
/* The sample accelerator's checksum unit: CRC-32C (Castagnoli), eight bytes a step. */
#ifndef MILLRACE_SAMPLE_CRC32C_H
#define MILLRACE_SAMPLE_CRC32C_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <linux/types.h>
#include <stddef.h>
#endif

/* To be called once before sample_crc32c(). */
void sample_crc32c_init(void);

/* The CRC of what went before, which had @crc, and of @size bytes more. The empty string has 0. */
__u32 sample_crc32c(__u32 crc, const void *data, size_t size);

#endif
