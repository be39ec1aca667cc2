// SPDX-License-Identifier: MIT
#include "crc32c.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* RFC 3720, bits reflected */

/* table[k][b]: the CRC of byte b with k zero bytes behind it. */
static __u32 table[8][256];

void sample_crc32c_init(void)
{
	unsigned int b, k;

	for (b = 0; b < 256; b++) {
		__u32 crc = b;

		for (k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (k = 1; k < 8; k++)
		for (b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
}

static __u32 step(__u32 crc, __u8 byte)
{
	return crc >> 8 ^ table[0][(crc ^ byte) & 0xff];
}

static __u32 step8(__u32 crc, const __u8 *p)
{
	__u32 low = crc ^ (p[0] | p[1] << 8 | p[2] << 16 | (__u32)p[3] << 24);

	return table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
	       table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
	       table[0][p[7]];
}

__u32 sample_crc32c(__u32 crc, const void *data, size_t size)
{
	const __u8 *p = data;

	crc = ~crc;
	for (; size >= 8; size -= 8, p += 8)
		crc = step8(crc, p);
	for (; size; size--)
		crc = step(crc, *p++);
	return ~crc;
}
