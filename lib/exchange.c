// SPDX-License-Identifier: MIT
/*
 * The caller's own memory for a process home: its private anonymous pages are exchanged for those of a
 * memfd with the same content, at the same addresses, so that another process can map them too.
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What one line of /proc/self/maps says of a mapping that has to be exchanged. */
static int judge(const char *line)
{
	char perms[5] = "", path[16] = "";
	unsigned long inode = 0;

	if (sscanf(line, "%*x-%*x %4s %*x %*s %lu %15s", perms, &inode, path) < 2)
		return -EFAULT;
	if (perms[0] != 'r' || perms[1] != 'w')
		return -EFAULT;
	if (perms[3] != 'p' || inode || !strncmp(path, "[stack", 6))
		return -EOPNOTSUPP;
	return 0;
}

/* Whether [start, end) is mapped throughout, readable, writable, private and anonymous. */
static int check_range(uintptr_t start, uintptr_t end)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t low, high;
	char line[512];
	int err = 0;

	if (!maps)
		return -errno;
	while (!err && start < end && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &low, &high) != 2 || high <= start)
			continue;
		err = low > start ? -EFAULT : judge(line);
		start = high;
	}
	fclose(maps);
	if (err)
		return err;
	return start < end ? -EFAULT : 0;
}

static int make_memfd(size_t size)
{
	int memfd = memfd_create("millrace-registered", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (memfd < 0)
		return -errno;
	if (!ftruncate(memfd, (off_t)size) && !fallocate(memfd, 0, 0, (off_t)size) &&
	    !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return memfd;
	err = errno == ENOSPC ? -ENOMEM : -errno;
	close(memfd);
	return err;
}

/* Puts a mapping with the same content where @data is, in one step for whoever reads it. */
static int move_over(void *data, size_t size, void *fresh)
{
	memcpy(fresh, data, size);
	if (mremap(fresh, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, data) == data)
		return 0;
	munmap(fresh, size);
	return -ENOMEM;
}

int millrace_exchange_shared(void *data, size_t size, int *memfd)
{
	void *fresh;
	int err;

	err = check_range((uintptr_t)data, (uintptr_t)data + size);
	if (err)
		return err;
	*memfd = make_memfd(size);
	if (*memfd < 0)
		return *memfd;
	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *memfd, 0);
	err = fresh == MAP_FAILED ? -errno : move_over(data, size, fresh);
	if (err)
		close(*memfd);
	return err;
}

void millrace_exchange_private(void *data, size_t size)
{
	void *fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Without memory for it the range stays as it is: shared with nobody, once the home let go. */
	if (fresh != MAP_FAILED)
		move_over(data, size, fresh);
}
