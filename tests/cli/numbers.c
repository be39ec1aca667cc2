// SPDX-License-Identifier: MIT
/* TAP: the command's arithmetic: the histogram against sorted values, CRCs put together against isa-l. */
#include <isa-l.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c_combine.h"
#include "histogram.h"

#define VALUES 10000

static unsigned int number;
static bool failed;

static void check(const char *what, bool ok)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++number, what);
	failed |= !ok;
}

static uint64_t any(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool close_above(uint64_t got, uint64_t exact)
{
	return got >= exact && got - exact <= exact / 64;
}

static void test_histogram(void)
{
	static const double percents[] = { 0, 0.01, 1, 10, 50, 90, 99, 99.9, 100 };
	static struct histogram all, half[2];
	static uint64_t value[VALUES];
	bool close = true, same = true;
	size_t i;

	check("empty: 0", histogram_percentile(&all, 50) == 0);
	for (i = 0; i < VALUES; i++) {
		value[i] = any() >> any() % 64;
		histogram_add(&all, value[i]);
		histogram_add(&half[i % 2], value[i]);
	}
	qsort(value, VALUES, sizeof(*value), compare);
	histogram_merge(&half[0], &half[1]);
	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		double rank = percents[i] * VALUES / 100;
		size_t at = rank < 1 ? 0 : (size_t)(rank + 0.999999) - 1;

		close &= close_above(histogram_percentile(&all, percents[i]), value[at]);
		same &= histogram_percentile(&all, percents[i]) ==
			histogram_percentile(&half[0], percents[i]);
	}
	check("percentiles are at most 1/64 above the exact ones", close);
	check("merged halves are the whole", same && half[0].count == VALUES);
	check("the maximum is exact", histogram_percentile(&all, 100) == value[VALUES - 1]);
	check("the largest number has a bucket", histogram_bucket(UINT64_MAX) < HISTOGRAM_BUCKETS);
}

static uint32_t reference(unsigned char *data, int size)
{
	return ~crc32_iscsi(data, size, ~0u);
}

static void test_combine(void)
{
	static unsigned char data[5000];
	uint32_t whole, power = crc32c_shift(0);
	bool right = true;
	int i;

	check("isa-l as we call it", reference((unsigned char *)"123456789", 9) == 0xe3069283);
	for (i = 0; i < (int)sizeof(data); i++)
		data[i] = any();
	whole = reference(data, sizeof(data));
	for (i = 0; i <= (int)sizeof(data); i++)
		right &= crc32c_combine(reference(data, i), reference(data + i, sizeof(data) - i),
					crc32c_shift(sizeof(data) - i)) == whole;
	check("each way to cut 5000 bytes in two", right);
	check("nothing before, nothing behind", crc32c_combine(0, whole, crc32c_shift(5000)) == whole &&
							crc32c_combine(whole, 0, power) == whole);
}

int main(void)
{
	test_histogram();
	test_combine();
	printf("1..%u\n", number);
	return failed;
}
