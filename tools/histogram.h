/* SPDX-License-Identifier: MIT */
/*
 * A histogram with log-linear buckets: each power of two is divided in 64, so that a value that is
 * read back is at most 1/64 too high, for any u64. Needs nothing but the C library; not thread-safe: one
 * for each thread, merged at the end.
 */
#ifndef MILLRACE_HISTOGRAM_H
#define MILLRACE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS	  6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/* Zeroed memory is an empty histogram. */
struct histogram {
	uint64_t count;
	uint64_t max; /* exact */
	uint64_t sum;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

static inline unsigned int histogram_bucket(uint64_t value)
{
	unsigned int shift;

	if (value < 1u << HISTOGRAM_BITS)
		return value;
	shift = 63 - __builtin_clzll(value) - HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (value >> shift);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->bucket[histogram_bucket(value)]++;
}

/* Adds what is in @from to @into. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * The value that @percent of all values (0 .. 100) do not exceed, rounded up to its bucket's end but
 * never above the largest value that was added; 0 when there is none.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
