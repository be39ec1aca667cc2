// SPDX-License-Identifier: MIT
/* From a device's name to a connected descriptor; and the names that there are. */
#include "client.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEV_DIR	    "/dev/millrace"
#define SUFFIX	    ".sock"
#define HOST_SONAME "libmillrace-host.so.0"

/* In the process already when the program links the host; else it is loaded on demand. */
extern int millrace_host_local(const char *plugin) __attribute__((weak));

static int open_local(const char *plugin)
{
	int (*local)(const char *) = millrace_host_local;
	void *host;

	if (!local) {
		/* Global: plug-ins find the driver API in it. */
		host = dlopen(HOST_SONAME, RTLD_NOW | RTLD_GLOBAL);
		local = host ? (int (*)(const char *))dlsym(host, "millrace_host_local") : NULL;
	}
	return local ? local(plugin) : -ENOENT;
}

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ENXIO ? -ENODEV : -errno;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A descriptor that somebody else has connected, and that is the client's from now on. */
static int open_number(const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (end == number || *end || fd < 0 || fd > INT_MAX)
		return -EINVAL;
	return fcntl((int)fd, F_GETFD) < 0 ? -EBADF : (int)fd;
}

int millrace_name_run_dirs(int (*each)(const char *dir, void *arg), void *arg)
{
	const char *own = getenv("MILLRACE_RUN_DIR");
	const char *user = getenv("XDG_RUNTIME_DIR");
	char dir[PATH_MAX];
	int ret = 0;

	if (own && *own)
		return each(own, arg);
	if (user && *user && snprintf(dir, sizeof(dir), "%s/millrace", user) < PATH_MAX)
		ret = each(dir, arg);
	return ret ? ret : each("/run/millrace", arg);
}

struct search {
	const char *name;
	int result; /* of the first socket that exists */
};

static int try_dir(const char *dir, void *arg)
{
	struct search *search = arg;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s" SUFFIX, dir, search->name) >= (int)sizeof(path))
		return 0;
	search->result = open_socket(path);
	return search->result != -ENOENT;
}

static int open_plain(const char *name, const struct millrace_backend **backend)
{
	struct search search = { .name = name, .result = -ENOENT };
	char path[PATH_MAX];
	int fd;

	if (!*name || strchr(name, '/') ||
	    snprintf(path, sizeof(path), DEV_DIR "/%s", name) >= (int)sizeof(path))
		return -EINVAL;
	*backend = &millrace_kernel_backend;
	fd = open_node(path);
	if (fd != -ENOENT)
		return fd;
	*backend = &millrace_socket_backend;
	millrace_name_run_dirs(try_dir, &search);
	return search.result;
}

static const char *after(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) ? NULL : name + length;
}

int millrace_name_open(const char *name, const struct millrace_backend **backend)
{
	const char *rest;

	*backend = &millrace_socket_backend;
	rest = after(name, "unix:");
	if (rest)
		return open_socket(rest);
	rest = after(name, "local:");
	if (rest)
		return open_local(rest);
	rest = after(name, "fd:");
	if (rest)
		return open_number(rest);
	if (name[0] != '/')
		return open_plain(name, backend);
	*backend = &millrace_kernel_backend;
	return open_node(name);
}

struct listing {
	int (*each)(const char *name, enum millrace_home home, void *arg);
	void *arg;
};

static int list_nodes(struct listing *l)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir = opendir(DEV_DIR);

	if (!dir)
		return 0;
	while (!ret && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ret = l->each(entry->d_name, MILLRACE_HOME_KERNEL, l->arg);
	closedir(dir);
	return ret;
}

static int list_sockets(const char *path, void *arg)
{
	struct listing *l = arg;
	struct dirent *entry;
	int ret = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return 0;
	while (!ret && (entry = readdir(dir))) {
		char name[NAME_MAX + 1];
		size_t length = strlen(entry->d_name);

		if (length <= strlen(SUFFIX) ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(length - strlen(SUFFIX)),
			 entry->d_name);
		ret = l->each(name, MILLRACE_HOME_PROCESS, l->arg);
	}
	closedir(dir);
	return ret;
}

int millrace_device_list(int (*each)(const char *name, enum millrace_home home, void *arg),
			 void *arg)
{
	struct listing l = { .each = each, .arg = arg };
	int ret = list_nodes(&l);

	return ret ? ret : millrace_name_run_dirs(list_sockets, &l);
}
