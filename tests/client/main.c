// SPDX-License-Identifier: MIT
#include "client.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const struct {
		const struct CMUnitTest *tests;
		size_t count;
	} parts[] = {
		{ open_tests, open_count },	{ queue_tests, queue_count },
		{ group_tests, group_count },	{ wait_tests, wait_count },
		{ buffer_tests, buffer_count }, { ring_tests, ring_count },
		{ order_tests, order_count },	{ fork_tests, fork_count },
	};
	struct CMUnitTest all[256];
	size_t i, count = 0;

	test_device = argc > 1 ? argv[1] : getenv("MILLRACE_TEST_DEVICE");
	if (!test_device) {
		fprintf(stderr, "Usage: %s DEVICE [PATTERN]\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memcpy(&all[count], parts[i].tests, parts[i].count * sizeof(all[0]));
		count += parts[i].count;
	}
	return _cmocka_run_group_tests("client", all, count, NULL, NULL);
}
