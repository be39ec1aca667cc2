// SPDX-License-Identifier: MIT
/* millrace-host: serves a device from this process. */
#include <errno.h>
#include <getopt.h>
#include <millrace/host.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"Usage: millrace-host [OPTION...] DRIVER\n"
	"Serve a device from this process. DRIVER is the name of an installed driver (sample),\n"
	"or the path of a plug-in (./build/my.so).\n"
	"\n"
	"  -n, --name NAME      name of the device (the driver's with a 0 behind it)\n"
	"  -s, --socket PATH    socket for the clients (NAME.sock in $MILLRACE_RUN_DIR, else in\n"
	"                       $XDG_RUNTIME_DIR/millrace, else in /run/millrace)\n"
	"  -m, --mode MODE      permissions of the socket, octal: who may connect (0600)\n"
	"  -q, --quiet          do not tell of clients that come and go\n"
	"  -h, --help           this text\n"
	"\n"
	"Ends on SIGINT or SIGTERM. Exit status: 0, 1 it could not serve, 2 usage.\n";

struct options {
	const char *driver, *name, *socket;
	unsigned int mode;
	int quiet;
};

static struct millrace_host *serving;

static void stop(int signal)
{
	(void)signal;
	millrace_host_stop(serving);
}

static int complain(const char *what, int err)
{
	fprintf(stderr, "millrace-host: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

static int misused(void)
{
	fputs(usage, stderr);
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' }, { "socket", required_argument, NULL, 's' },
		{ "mode", required_argument, NULL, 'm' }, { "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },	  { 0 },
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "n:s:m:qh", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->name = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'm':
			o->mode = strtoul(optarg, &end, 8);
			if (*end || end == optarg || !o->mode || o->mode > 0777)
				return misused();
			break;
		case 'q':
			o->quiet = 1;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return misused();
		}
	}
	if (optind != argc - 1)
		return misused();
	o->driver = argv[optind];
	return 0;
}

/* Where clients look for the socket of a device by its name; the folder is made if it is missing. */
static int default_socket(const char *name, char *path, size_t size)
{
	const char *own = getenv("MILLRACE_RUN_DIR"), *user = getenv("XDG_RUNTIME_DIR");
	char dir[PATH_MAX];

	if (own && *own)
		snprintf(dir, sizeof(dir), "%s", own);
	else if (user && *user)
		snprintf(dir, sizeof(dir), "%s/millrace", user);
	else
		snprintf(dir, sizeof(dir), "/run/millrace");
	if (snprintf(path, size, "%s/%s.sock", dir, name) >= (int)size)
		return -ENAMETOOLONG;
	return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

/* A session takes four descriptors: as many as the system lets this process have. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(const struct options *o, const struct millrace_driver *driver)
{
	char name[MILLRACE_NAME_SIZE], path[PATH_MAX];
	struct millrace_host_params params = {
		.name = o->name,
		.socket = o->socket,
		.mode = o->mode,
		.log_fd = o->quiet ? -1 : STDERR_FILENO,
	};
	int err = 0;

	snprintf(name, sizeof(name), "%s0", driver->name);
	if (!o->socket) {
		err = default_socket(o->name ? o->name : name, path, sizeof(path));
		params.socket = path;
	}
	if (!err)
		err = millrace_host_create(driver, &params, &serving);
	if (err)
		return complain(params.socket ? params.socket : "socket", err);
	catch_signals();
	if (!o->quiet)
		fprintf(stderr, "millrace-host: serving %s on %s\n", o->name ? o->name : name,
			params.socket);
	err = millrace_host_run(serving);
	millrace_host_destroy(serving);
	return err ? complain("serving", err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct millrace_driver *driver;
	struct options o = { 0 };
	int err;

	err = parse(argc, argv, &o);
	if (err)
		return err;
	raise_limit();
	err = millrace_host_load(o.driver, &driver);
	if (!err)
		return serve(&o, driver);
	complain(o.driver, err);
	if (err == -ENOENT && !strchr(o.driver, '/'))
		fputs("millrace-host: no such driver in $MILLRACE_DRIVER_PATH, nor where Millrace was "
		      "installed\n", stderr);
	return EXIT_FAILURE;
}
