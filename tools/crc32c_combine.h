/* SPDX-License-Identifier: MIT */
/* Putting the CRC-32Cs of neighbouring blocks together. */
#ifndef MILLRACE_CRC32C_COMBINE_H
#define MILLRACE_CRC32C_COMBINE_H

#include <stdint.h>

/* What to multiply a CRC by when @size bytes follow it: for crc32c_combine(). */
uint32_t crc32c_shift(uint64_t size);

/* The CRC of A followed by B, from theirs and @shift = crc32c_shift(size of B). */
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint32_t shift);

#endif
