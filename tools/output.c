// SPDX-License-Identifier: MIT
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool progress_shown;

void tool_complain(const char *format, ...)
{
	va_list args;

	tool_progress_end();
	fputs("millrace: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *tool_reason(int err)
{
	switch (-err) {
	case ENOENT:
		return "no such device (is millrace-host running? start one with `millrace-host sample "
		       "&`, or use local:sample)";
	case ECONNREFUSED:
		return "its millrace-host has ended (start it again, such as `millrace-host sample &`)";
	case ENODEV:
		return "the device has gone";
	case EACCES:
	case EPERM:
		return "permission denied (ask for the group `millrace`, or for the socket's mode)";
	case EBUSY:
		return "it has as many sessions as it allows (try later; `millrace stats` shows them)";
	case EPROTONOSUPPORT:
		return "it speaks another version of the ABI (update this program or its driver)";
	case ENOTTY:
	case ENOTSUP:
		return "not a Millrace device";
	case ENOEXEC:
		return "not a Millrace driver";
	case EPROTO:
		return "it ended the session: it refused what it found in the ring";
	case EINVAL:
		return "not the name of a device (such as sample0, /dev/millrace/sample0, unix:PATH, "
		       "local:sample)";
	}
	return strerror(-err);
}

int tool_device_failed(const char *device, int err)
{
	if (err == -ENOENT && !strncmp(device, "local:", 6))
		tool_complain("%s: no such device: no such driver in $MILLRACE_DRIVER_PATH, nor where "
			      "Millrace was installed", device);
	else
		tool_complain("%s: %s", device, tool_reason(err));
	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENODEV:
	case ENXIO:
	case ENOTTY:
		return TOOL_DEVICE;
	case EACCES:
	case EPERM:
		return TOOL_PERMISSION;
	case EINVAL:
		return TOOL_USAGE;
	}
	return TOOL_FAILED;
}

int tool_file_failed(const char *file, int err)
{
	tool_complain("%s: %s", file, strerror(-err));
	return err == -EACCES || err == -EPERM ? TOOL_PERMISSION : TOOL_FAILED;
}

const char *tool_home(uint32_t home)
{
	switch (home) {
	case MILLRACE_HOME_KERNEL:
		return "kernel";
	case MILLRACE_HOME_PROCESS:
		return "process";
	case MILLRACE_HOME_LOCAL:
		return "local";
	}
	return "unknown";
}

int tool_print_json(json_t *json)
{
	int ret;

	if (!json) {
		tool_complain("out of memory");
		return TOOL_FAILED;
	}
	ret = json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(json);
	putchar('\n');
	return ret ? TOOL_FAILED : TOOL_OK;
}

int tool_finish(int code)
{
	tool_progress_end();
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	tool_complain("cannot write the output: %s", strerror(errno));
	return code ? code : TOOL_FAILED;
}

void tool_progress(const char *format, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
	progress_shown = true;
}

void tool_progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}
