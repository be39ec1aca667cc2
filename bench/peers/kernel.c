// SPDX-License-Identifier: MIT
/* The kernel home. */
#include "nops.h"
#include "peers.h"

#include <errno.h>

#define DEVICE	"/dev/millrace/sample0"
#define WORKER	"millrace/sample0"
#define ENTRIES 256
#define SPIN_US 10000 /* longer than any wait here */

static double measure(unsigned int batch, const struct millrace_queue_params *params)
{
	struct millrace_client *c;
	int err = millrace_client_open(DEVICE, &c);
	double ns;

	if (err)
		return err;
	err = millrace_queue_setup(c, params);
	ns = err ? err : nops_one_by_one(c, batch);
	millrace_client_close(c);
	return ns;
}

double kernel_spinning(unsigned int batch)
{
	const struct millrace_queue_params params = {
		.entries = ENTRIES,
		.poll_us = SPIN_US,
		.spin_us = SPIN_US,
	};
	int err = bench_pin_thread(WORKER, bench.far);

	return err ? err : measure(batch, &params);
}

double kernel_inline(unsigned int batch)
{
	const struct millrace_queue_params params = {
		.entries = ENTRIES,
		.poll_us = MILLRACE_POLL_NEVER,
		.spin_us = MILLRACE_SPIN_NEVER,
	};

	return measure(batch, &params);
}

double kernel_default(unsigned int batch)
{
	return measure(batch, &(struct millrace_queue_params){ .entries = ENTRIES });
}
