// SPDX-License-Identifier: MIT
/* millrace list */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

struct list {
	bool json;
	json_t *devices;
	unsigned int count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct list *list = state->input;

	(void)arg;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	list->json = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print an array of objects", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Lists the devices of the kernel and of processes, with the name to open each by; those "
	       "that cannot be opened with the reason.\v" TOOL_EXIT_CODES,
};

static void show(struct list *list, const char *name, enum millrace_home home,
		 const struct millrace_info *info, const char *reason)
{
	if (!list->json) {
		if (!list->count++)
			printf("%-16s %-8s %-16s %8s\n", "NAME", "HOME", "DRIVER", "SESSIONS");
		if (reason)
			printf("%-16s %-8s cannot be opened: %s\n", name, tool_home(home), reason);
		else
			printf("%-16s %-8s %-16s %8u\n", name, tool_home(home), info->driver,
			       info->sessions);
		return;
	}
	list->count++;
	if (reason)
		json_array_append_new(list->devices,
				      json_pack("{s:s, s:s, s:n, s:n, s:s}", "name", name, "home",
						tool_home(home), "driver", "sessions", "error",
						reason));
	else
		json_array_append_new(list->devices,
				      json_pack("{s:s, s:s, s:s, s:I, s:n}", "name", name, "home",
						tool_home(home), "driver", info->driver, "sessions",
						(json_int_t)info->sessions, "error"));
}

static int each(const char *name, enum millrace_home home, void *arg)
{
	struct millrace_client *client;
	const struct millrace_info *info;
	int ret;

	ret = millrace_client_open(name, &client);
	if (ret) {
		show(arg, name, home, NULL, tool_reason(ret));
		return 0;
	}
	info = millrace_client_info(client);
	if (info->home == home)
		show(arg, name, home, info, NULL);
	else
		show(arg, name, home, NULL,
		     "the kernel has a device of this name (open the socket with unix:PATH)");
	millrace_client_close(client);
	return 0;
}

int tool_list(int argc, char **argv)
{
	struct list list = { 0 };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &list);
	if (list.json)
		list.devices = json_array();
	ret = millrace_device_list(each, &list);
	if (ret < 0) {
		tool_complain("cannot list devices: %s", strerror(-ret));
		json_decref(list.devices);
		return TOOL_FAILED;
	}
	if (list.json)
		return tool_print_json(list.devices);
	if (!list.count)
		tool_complain("no devices (start one with `millrace-host sample &', or use "
			      "local:sample)");
	return TOOL_OK;
}
