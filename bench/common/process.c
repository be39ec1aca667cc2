// SPDX-License-Identifier: MIT
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The process of that name, or -ESRCH. */
static pid_t find_process(const char *name)
{
	char path[32], comm[32];
	struct dirent *entry;
	pid_t found = -ESRCH;
	DIR *proc = opendir("/proc");
	FILE *f;

	while (proc && found < 0 && (entry = readdir(proc))) {
		if (!atoi(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", atoi(entry->d_name));
		f = fopen(path, "r");
		if (f && fgets(comm, sizeof(comm), f)) {
			comm[strcspn(comm, "\n")] = 0;
			/* The kernel cuts names of threads off. */
			if (!strncmp(comm, name, 15))
				found = atoi(entry->d_name);
		}
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return found;
}

int bench_pin_thread(const char *name, int cpu)
{
	pid_t pid = find_process(name);
	cpu_set_t set;

	if (pid < 0)
		return pid;
	if (cpu < 0)
		return -ENXIO;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set) ? -errno : 0;
}

/*
 * The child is born on its processor: were it to move there itself, it might never run, with its
 * parent spinning on the other one under SCHED_FIFO.
 */
static pid_t fork_on(int cpu)
{
	pid_t pid;

	if (cpu < 0)
		return -ENXIO;
	bench_pin(cpu);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 0;
	}
	bench_pin(bench.near);
	return pid < 0 ? -errno : pid;
}

pid_t bench_fork(int cpu, void (*body)(void *arg), void *arg)
{
	pid_t pid = fork_on(cpu);

	if (pid)
		return pid;
	body(arg);
	_exit(0);
}

pid_t bench_spawn(int cpu, const char *const argv[])
{
	pid_t pid = fork_on(cpu);
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

void bench_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void *bench_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void bench_unshare(void *p, size_t size)
{
	munmap(p, size);
}
