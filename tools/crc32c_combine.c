// SPDX-License-Identifier: MIT
/*
 * The mathematics. Read a message of n bits as a polynomial M(x) over GF(2), its first bit the
 * coefficient of x^(n-1). CRC-32C is, with P(x) the generator of degree 32 and I = x^31 + ... + 1,
 *
 *	crc(M) = ((M(x) * x^32 + I * x^n) mod P) + I
 *
 * where I * x^n is the inversion at the start and + I the one at the end. A message B of m bits
 * behind A makes A(x) * x^m + B(x). Put in and sorted:
 *
 *	crc(AB) = (A x^(m+32) + B x^32 + I x^(n+m)) mod P + I
 *		= x^m (A x^32 + I x^n) mod P + B x^32 mod P + I
 *		= x^m (crc(A) + I) + (crc(B) + I + I x^m) + I		(mod P)
 *		= x^m crc(A) + crc(B)					(mod P)
 *
 * The inversions cancel. So the CRC of two neighbours costs one multiplication by x^m mod P, and x^m
 * comes from squaring, in log2(m) steps; for blocks of one size it is computed once.
 *
 * CRC-32C is "reflected": in a 32-bit word, bit 31 is the coefficient of x^0 and bit 0 that of x^31.
 * Multiplying by x is a shift to the right, and what falls out below is x^32 = P(x) - x^32.
 */
#include "crc32c_combine.h"

#define POLYNOMIAL 0x82f63b78u /* P(x) without x^32, reflected */
#define ONE	   (1u << 31)  /* x^0 */
#define BYTE	   (1u << 23)  /* x^8 */

static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0, bit;

	for (bit = ONE; bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
	}
	return product;
}

uint32_t crc32c_shift(uint64_t size)
{
	uint32_t shift = ONE, square = BYTE;

	for (; size; size >>= 1) {
		if (size & 1)
			shift = multiply(shift, square);
		square = multiply(square, square);
	}
	return shift;
}

uint32_t crc32c_combine(uint32_t a, uint32_t b, uint32_t shift)
{
	return multiply(a, shift) ^ b;
}
