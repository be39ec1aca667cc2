// SPDX-License-Identifier: MIT
#include "histogram.h"

#include <math.h>

/* The largest value that falls into bucket @i. */
static uint64_t bucket_end(unsigned int i)
{
	unsigned int shift = i >> HISTOGRAM_BITS;

	if (shift < 2)
		return i;
	shift--;
	/* The top bit is part of the bucket's number: see histogram_bucket(). */
	return (((uint64_t)i - (shift << HISTOGRAM_BITS) + 1) << shift) - 1;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	unsigned int i;

	into->count += from->count;
	into->sum += from->sum;
	if (from->max > into->max)
		into->max = from->max;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank = (uint64_t)ceil((double)histogram->count * percent / 100);
	uint64_t seen = 0, end;
	unsigned int i;

	if (!histogram->count)
		return 0;
	if (!rank)
		rank = 1;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			break;
	}
	end = i < HISTOGRAM_BUCKETS ? bucket_end(i) : histogram->max;
	return end < histogram->max ? end : histogram->max;
}
