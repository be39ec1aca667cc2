// SPDX-License-Identifier: MIT
/*
 * init - PID 1 of a guest: loads modules, runs tests, reads the kernel log, says the verdict
 *
 * Start reading at main(), at the bottom. The contract with vm/run, which makes the initramfs:
 *
 *   /modules.list  one module a line, "PATH [PARAMS]", loaded in this order, unloaded in reverse
 *   /tests.list    one test a line, "SECONDS COMMAND"; COMMAND is run by /bin/sh -c
 *   /user          when there: "UID GID GROUP", the credentials that the tests run with
 *
 *   ttyS0  the console                      ttyS1  what the tests say
 *   ttyS2  the verdict, TAP                 ttyS3  what they wrote into /out, tar.gz
 *
 * TAP points: "load", one for each test, named after its command, and "unload". Exit status 77 is
 * a skip, its reason is the last line of output. The last line is "verdict pass" or "verdict fail",
 * written when everything else is; a guest that did not write it has crashed, which is a fail.
 *
 * After each point the kernel log is read, and a point with a complaint in it fails, whatever the
 * test thought. A test gets a process group of its own and /dev/null as its stdin. It leaves nothing
 * behind: when it ends or its time is over, every process but this one is killed. One that cannot
 * be killed fails the test and all that would come after it.
 *
 * One thread; everything here is called from main() only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SKIP_STATUS 77
#define MAX_MODULES 64
#define KILL_SECONDS 10 /* for a process to go after SIGKILL */
#define UNLOAD_SECONDS 10 /* for the last reference to a module to go */
#define KMEMLEAK_AGE_SECONDS 6 /* the kernel reports no object that is younger than 5 */
#define KMEMLEAK "/sys/kernel/debug/kmemleak"

/* Our own lines in the kernel log; they may quote a command, so they are not looked at. */
#define LOG_MARK "millrace-vm: "

/*
 * What the kernel says when something is wrong. It prints "RCU CPU stall" in harmless lines too,
 * hence "detected". Backtraces that were asked for count as well (fail_* with verbose=2).
 */
static const char complaints[] =
	"WARNING[: ]|(^|[^E])BUG[: ]|Oops|kernel panic|Kernel panic|Call Trace|"
	"general protection|nable to handle|double fault|stack-protector|"
	"KASAN|KCSAN|KFENCE: .*(error|free)|UBSAN|refcount_t|ODEBUG|"
	"possible (recursive locking|circular locking|irq lock inversion|deadlock)|"
	"inconsistent lock state|bad unlock balance|held lock freed|suspicious RCU usage|"
	"lock held when returning to user space|INFO: (possible|task .* blocked|trying to register)|"
	"sleeping function called|scheduling while atomic|(soft|hard) (lockup|LOCKUP)|"
	"rcu.*detected.*stall|rcu.*kthread (starved|timer wakeup)|workqueue lockup|"
	"list_(add|del) corruption|Bad (page|rss-counter) |Objects remaining in|"
	"unreferenced object|suspected memory leaks|nobody cared|DMAR: .*[Ff]ault|DMA-API: ";

struct module {
	char *path;
	char *params;
	bool loaded;
};

static struct module modules[MAX_MODULES];
static int nr_modules;
static regex_t complaint;
static int log_fd = -1; /* /dev/kmsg, at the first record not yet read */
static int log_found; /* complaints since the last point */
static char log_first[256]; /* the first of them */
static int output_fd = -1;
static FILE *verdict;
static int nr_points;
static bool all_good = true;
static bool stuck; /* a process survived SIGKILL: what comes after it would prove nothing */

/* ---- small things ---- */

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* The runner cannot go on. No verdict is written, which vm/run takes as a fail. */
__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("init: ");
	vprintf(fmt, ap);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	va_end(ap);
	power_off();
	__builtin_unreachable();
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void nap(void)
{
	usleep(20000);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			die("write to a serial port");
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
}

/* Byte-exact: no newline translation, no flow control, nothing of the line discipline. */
static int open_serial(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios tio;

	if (fd < 0 || tcgetattr(fd, &tio))
		die("%s", path);
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL;
	tio.c_cflag &= ~CRTSCTS;
	cfsetspeed(&tio, B115200);
	if (tcsetattr(fd, TCSANOW, &tio))
		die("%s", path);
	return fd;
}

/* ---- the kernel log ---- */

static void log_mark(const char *what)
{
	char line[512];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "<6>" LOG_MARK "%s\n", what);
	if (write(fd, line, strlen(line)) < 0)
		printf("init: cannot write into the kernel log\n");
	close(fd);
}

/* The text of a record of /dev/kmsg: "priority,sequence,time,flags;TEXT\n KEY=VALUE\n..." */
static const char *record_text(char *record, ssize_t len)
{
	char *text;

	record[len] = '\0';
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void log_complain(const char *text)
{
	if (!log_found++)
		snprintf(log_first, sizeof(log_first), "%.*s", (int)sizeof(log_first) - 1, text);
}

/*
 * Reads what was added to the kernel log and notes the complaints in it, or just skips it. Records
 * that were overwritten before we read them count as a complaint: what they said is unknown.
 */
static void log_read(bool look)
{
	char record[8192 + 1];
	const char *text;
	ssize_t n;

	for (;;) {
		n = read(log_fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno == EPIPE && look)
			log_complain("records were lost");
		else if (n < 0 && errno != EPIPE && errno != EINTR)
			die("/dev/kmsg");
		if (n < 0)
			continue;
		text = record_text(record, n);
		if (look && strncmp(text, LOG_MARK, strlen(LOG_MARK)) &&
		    !regexec(&complaint, text, 0, NULL, 0))
			log_complain(text);
	}
}

static void log_open(void)
{
	if (regcomp(&complaint, complaints, REG_EXTENDED | REG_NOSUB))
		die("the pattern of complaints");
	/* From the first record of this boot: the boot has to be clean as well. */
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0)
		die("/dev/kmsg");
}

/* ---- the verdict ---- */

/* On one line, and a '#' would start a TAP directive. */
static void put_escaped(const char *s)
{
	for (; *s; s++) {
		if (*s == '#' || *s == '\\')
			fputc('\\', verdict);
		fputc((unsigned char)*s < ' ' ? ' ' : *s, verdict);
	}
}

/*
 * Ends a point: @why is NULL when the point itself found nothing wrong, @skip the reason of a skip
 * or NULL. The kernel log has the last word.
 */
static bool point(const char *name, const char *why, const char *skip)
{
	bool ok;

	log_read(true);
	ok = !why && !log_found;
	fprintf(verdict, "%s %d - ", ok ? "ok" : "not ok", ++nr_points);
	put_escaped(name);
	if (ok && skip) {
		fputs(" # SKIP ", verdict);
		put_escaped(skip);
	}
	fputc('\n', verdict);
	if (why)
		fprintf(verdict, "# %s\n", why);
	if (log_found)
		fprintf(verdict, "# kernel log, %d complaint%s: %s\n", log_found,
			log_found > 1 ? "s" : "", log_first);
	fflush(verdict);
	log_found = 0;
	all_good &= ok;
	return ok;
}

/* ---- the system ---- */

static void mount_one(const char *type, const char *dir, const char *options, bool needed)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, MS_NOSUID, options) && needed)
		die("mount %s on %s", type, dir);
}

static void mount_all(void)
{
	mount_one("devtmpfs", "/dev", "mode=0755", true);
	mount_one("proc", "/proc", NULL, true);
	mount_one("sysfs", "/sys", NULL, true);
	mount_one("tmpfs", "/tmp", "mode=1777", true);
	mount_one("tmpfs", "/run", "mode=0755", true);
	mount_one("tmpfs", "/out", "mode=1777", true);
	mount_one("tmpfs", "/dev/shm", "mode=1777", true);
	mount_one("devpts", "/dev/pts", "mode=0620,ptmxmode=0666", false);
	mount_one("debugfs", "/sys/kernel/debug", NULL, false);
	mount_one("tracefs", "/sys/kernel/tracing", NULL, false);
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("/proc/self/fd/0", "/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/dev/stdout") || symlink("/proc/self/fd/2", "/dev/stderr"))
		die("links in /dev");
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		printf("init: no loopback: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void set_limits(void)
{
	static const struct { int what; rlim_t value; } limits[] = {
		{ RLIMIT_NOFILE, 65536 },
		{ RLIMIT_MEMLOCK, RLIM_INFINITY },
		{ RLIMIT_CORE, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit rl = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].what, &rl))
			die("setrlimit");
	}
}

/* What a kernel does not have it cannot be told: no check of the result. */
static void set_sysctls(void)
{
	write_file("/proc/sys/kernel/panic", "-1");
	write_file("/proc/sys/kernel/panic_on_warn", "1");
	write_file("/proc/sys/kernel/panic_on_oops", "1");
	write_file("/proc/sys/kernel/hung_task_timeout_secs", "60");
	write_file("/proc/sys/kernel/hung_task_warnings", "-1");
	write_file("/proc/sys/kernel/printk_devkmsg", "on");
	write_file("/proc/sys/kernel/sysrq", "1");
	/* What the boot itself left behind is not ours. */
	write_file(KMEMLEAK, "clear");
}

static void set_up(void)
{
	int fd;

	if (getpid() != 1) {
		fputs("init is for PID 1 of a guest of vm/run\n", stderr);
		exit(1);
	}
	mount_all();
	fd = open("/dev/console", O_RDWR | O_NOCTTY);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	output_fd = open_serial("/dev/ttyS1");
	verdict = fdopen(open_serial("/dev/ttyS2"), "w");
	if (!verdict)
		die("verdict port");
	log_open();
	set_limits();
	set_sysctls();
	loopback_up();
	umask(022);
}

/* ---- modules ---- */

static void modules_read(void)
{
	FILE *f = fopen("/modules.list", "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		die("/modules.list");
	while (getline(&line, &size, f) > 0) {
		struct module *m = &modules[nr_modules];

		line[strcspn(line, "\n")] = '\0';
		if (!*line)
			continue;
		if (nr_modules++ == MAX_MODULES)
			die("more than %d modules", MAX_MODULES);
		m->path = strdup(line);
		m->params = m->path + strcspn(m->path, " ");
		if (*m->params)
			*m->params++ = '\0';
	}
	free(line);
	fclose(f);
}

/* The kernel's name of a module: its file's, with '_' for '-'. */
static void module_name(const struct module *m, char *name, size_t size)
{
	const char *base = strrchr(m->path, '/');
	char *p;

	snprintf(name, size, "%s", base ? base + 1 : m->path);
	name[strcspn(name, ".")] = '\0';
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
}

static int module_load(struct module *m)
{
	int ret, fd = open(m->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, m->params, 0) ? -errno : 0;
	close(fd);
	m->loaded = !ret;
	return ret;
}

/*
 * A file that a killed process held is released by a deferred work of its last task, so "in use"
 * may be true for a moment. More than a moment is a leaked reference.
 */
static int module_unload(struct module *m)
{
	long end = now_ms() + UNLOAD_SECONDS * 1000;
	char name[PATH_MAX];

	module_name(m, name, sizeof(name));
	while (syscall(SYS_delete_module, name, O_NONBLOCK)) {
		/* A test may have taken it away, which is its right. */
		if (errno == ENOENT)
			break;
		if ((errno != EAGAIN && errno != EBUSY) || now_ms() > end)
			return -errno;
		nap();
	}
	m->loaded = false;
	return 0;
}

static bool load_point(void)
{
	char why[PATH_MAX + 128];
	int i, ret = 0;

	modules_read();
	log_mark("load");
	for (i = 0; i < nr_modules && !ret; i++) {
		ret = module_load(&modules[i]);
		if (ret)
			snprintf(why, sizeof(why), "loading %s: %s (the console may say why)",
				 modules[i].path, strerror(-ret));
	}
	return point("load", ret ? why : NULL, NULL);
}

/* True when kmemleak is there and names something. Twice: the first scan only marks. */
static bool memory_leaked(void)
{
	char line[256];
	FILE *f;
	bool leaked = false;

	if (access(KMEMLEAK, W_OK))
		return false;
	sleep(KMEMLEAK_AGE_SECONDS);
	if (!write_file(KMEMLEAK, "scan") || !write_file(KMEMLEAK, "scan"))
		return false; /* compiled in, but off */
	f = fopen(KMEMLEAK, "re");
	while (f && fgets(line, sizeof(line), f)) {
		printf("%s", line);
		leaked = true;
	}
	if (f)
		fclose(f);
	return leaked;
}

static void unload_point(void)
{
	char why[PATH_MAX + 128] = "";
	int i, ret;

	log_mark("unload");
	if (stuck) {
		/* It may sleep in the very module, and then we would sleep as well. */
		point("unload", "not done: a process is stuck", NULL);
		return;
	}
	for (i = nr_modules - 1; i >= 0; i--) {
		if (!modules[i].loaded)
			continue;
		ret = module_unload(&modules[i]);
		if (ret && !*why)
			snprintf(why, sizeof(why), "unloading %s: %s", modules[i].path,
				 strerror(-ret));
	}
	if (memory_leaked() && !*why)
		snprintf(why, sizeof(why), "kmemleak: memory is leaked (the console has the list)");
	point("unload", *why ? why : NULL, NULL);
}

/* ---- tests ---- */

/* The last line of a test's output, kept while it flows by. */
struct last_line {
	char text[256];
	size_t len;
	bool ended;
};

static void last_line_add(struct last_line *l, const char *data, size_t n)
{
	for (; n; n--, data++) {
		if (*data == '\n') {
			l->ended = true;
			continue;
		}
		if (l->ended)
			l->len = 0;
		l->ended = false;
		if (l->len < sizeof(l->text) - 1)
			l->text[l->len++] = *data;
	}
	l->text[l->len] = '\0';
}

/* Passes on what is in the pipe; false when there will be no more. */
static bool pump(int fd, struct last_line *last)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	write_all(output_fd, buf, n);
	last_line_add(last, buf, n);
	return true;
}

static void become_user(void)
{
	unsigned int uid, gid, group;
	gid_t groups[2];
	FILE *f = fopen("/user", "re");

	if (!f) {
		setenv("HOME", "/root", 1);
		setenv("USER", "root", 1);
		return;
	}
	if (fscanf(f, "%u %u %u", &uid, &gid, &group) != 3)
		_exit(126);
	fclose(f);
	groups[0] = gid;
	groups[1] = group;
	if (setgroups(2, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		_exit(126);
	setenv("HOME", "/tmp", 1);
	setenv("USER", "tester", 1);
}

__attribute__((noreturn)) static void test_exec(const char *command, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	setenv("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	become_user();
	if (chdir("/tmp"))
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/*
 * Kills what is left of a test, also what made itself a session of its own. False when something
 * does not go: it is stuck in the kernel.
 */
static bool kill_all(void)
{
	long end = now_ms() + KILL_SECONDS * 1000;
	pid_t pid;

	kill(-1, SIGKILL);
	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return true;
		if (!pid && now_ms() > end)
			return false;
		if (!pid)
			nap();
	}
}

/* Waits until the test ended or its time is over, passing on its output. False when it is over. */
static bool test_wait(pid_t pid, int out, long end, struct last_line *last)
{
	struct pollfd fds[2] = {
		{ .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
		{ .fd = out, .events = POLLIN },
	};
	long left;

	if (fds[0].fd < 0)
		die("pidfd_open");
	do {
		left = end - now_ms();
		fds[0].revents = fds[1].revents = 0;
		if (left > 0 && poll(fds, 2, left) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents && !pump(out, last))
			fds[1].fd = -1;
	} while (left > 0 && !fds[0].revents);
	close(fds[0].fd);
	return left > 0;
}

/* Where everything hangs that hangs in the kernel: to the console, and not as a complaint. */
static void show_blocked_tasks(void)
{
	log_read(true);
	write_file("/proc/sysrq-trigger", "w");
	log_read(false);
}

struct result {
	int status; /* as of waitpid() */
	bool late; /* its time was over: no status */
	struct last_line last;
};

static void test_run(const char *command, int seconds, struct result *r)
{
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		test_exec(command, out[1]);
	close(out[1]);
	r->late = !test_wait(pid, out[0], now_ms() + seconds * 1000L, &r->last);
	if (r->late)
		show_blocked_tasks();
	else
		waitpid(pid, &r->status, 0);
	stuck = !kill_all();
	/* What was said in the last moment. What is stuck still has the other end: do not wait. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	while (pump(out[0], &r->last))
		;
	close(out[0]);
}

static void test_point(const char *command, int seconds)
{
	struct result r = { .status = 0 };
	const char *skip = NULL;
	char why[128] = "";

	log_mark(command);
	test_run(command, seconds, &r);
	if (r.late)
		snprintf(why, sizeof(why), "time limit of %d s", seconds);
	else if (WIFSIGNALED(r.status))
		snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(r.status));
	else if (WEXITSTATUS(r.status) == SKIP_STATUS)
		skip = r.last.len ? r.last.text : "no reason given";
	else if (WEXITSTATUS(r.status))
		snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(r.status));
	if (stuck)
		snprintf(why + strlen(why), sizeof(why) - strlen(why),
			 "%sa process survives SIGKILL", *why ? ", and " : "");
	point(command, *why ? why : NULL, skip);
}

static const char *reason_not_to_run(bool loaded)
{
	if (!loaded)
		return "not run: the modules did not load";
	return stuck ? "not run: a process is stuck" : NULL;
}

static void run_tests(bool loaded)
{
	FILE *f = fopen("/tests.list", "re");
	char *line = NULL, *command;
	const char *reason;
	size_t size = 0;
	long seconds;

	if (!f)
		die("/tests.list");
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		seconds = strtol(line, &command, 10);
		if (seconds <= 0 || seconds > INT_MAX / 1000 || *command++ != ' ')
			die("/tests.list: '%s'", line);
		reason = reason_not_to_run(loaded);
		if (reason)
			point(command, reason, NULL);
		else
			test_point(command, seconds);
	}
	free(line);
	fclose(f);
}

/* ---- the end ---- */

/* /out as tar.gz on ttyS3, whose checksum tells if it arrived whole. False when it was not sent. */
static bool deliver_out(void)
{
	int status, fd = open_serial("/dev/ttyS3");
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(fd, 1);
		execl("/bin/tar", "tar", "-c", "-z", "-f", "-", "-C", "/out", ".", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	tcdrain(fd);
	close(fd);
	return !status;
}

int main(void)
{
	bool loaded;

	set_up();
	loaded = load_point();
	run_tests(loaded);
	unload_point();
	if (!deliver_out()) {
		fputs("# /out could not be sent\n", verdict);
		all_good = false;
	}
	tcdrain(output_fd);
	fprintf(verdict, "1..%d\nverdict %s\n", nr_points, all_good ? "pass" : "fail");
	fflush(verdict);
	tcdrain(fileno(verdict));
	power_off();
}
