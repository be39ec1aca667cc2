/* SPDX-License-Identifier: MIT */
#ifndef MILLRACE_SAMPLE_DRIVER_H
#define MILLRACE_SAMPLE_DRIVER_H

#include <millrace/driver.h>

/* The longest DELAY: a minute, in nanoseconds. */
#define SAMPLE_DELAY_MAX 60000000000ULL

extern const struct millrace_driver sample_driver;

#endif
