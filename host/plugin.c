// SPDX-License-Identifier: MIT
/* Drivers as plug-ins: shared objects that export millrace_plugin_driver. */
#include "host.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>

static int open_plugin(const char *path, const struct millrace_driver **driver)
{
	const struct millrace_driver *const *symbol;
	void *plugin;

	if (access(path, R_OK))
		return -errno;
	plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin)
		return -ENOEXEC;
	symbol = (const struct millrace_driver *const *)dlsym(plugin, "millrace_plugin_driver");
	if (!symbol || !*symbol) {
		dlclose(plugin);
		return -ENOEXEC;
	}
	*driver = *symbol;
	return 0;
}

/* One of the folders of a list like PATH's. */
static int search(const char *list, const char *name, const struct millrace_driver **driver)
{
	char path[PATH_MAX];

	while (*list) {
		size_t length = strcspn(list, ":");

		if (length && snprintf(path, sizeof(path), "%.*s/%s.so", (int)length, list, name) <
				      (int)sizeof(path)) {
			int err = open_plugin(path, driver);

			if (err != -ENOENT)
				return err;
		}
		list += length;
		list += *list == ':';
	}
	return -ENOENT;
}

int millrace_host_load(const char *plugin, const struct millrace_driver **driver)
{
	const char *list = getenv("MILLRACE_DRIVER_PATH");
	int err = -ENOENT;

	if (!*plugin)
		return -EINVAL;
	if (strchr(plugin, '/'))
		return open_plugin(plugin, driver);
	if (list)
		err = search(list, plugin, driver);
	return err == -ENOENT ? search(MILLRACE_PLUGIN_DIR, plugin, driver) : err;
}
