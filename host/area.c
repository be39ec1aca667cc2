// SPDX-License-Identifier: MIT
#include "host.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Keeps whoever has the descriptor from making a mapped page vanish (SIGBUS), or from undoing that. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int map(struct millrace_area *area, int memfd, size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memfd, 0);

	if (data == MAP_FAILED)
		return -errno;
	*area = (struct millrace_area){ .data = data, .size = size, .memfd = memfd };
	return 0;
}

int millrace_area_create(struct millrace_area *area, const char *name, size_t size)
{
	int memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (memfd < 0)
		return -errno;
	if (ftruncate(memfd, (off_t)size) || fallocate(memfd, 0, 0, (off_t)size) ||
	    fcntl(memfd, F_ADD_SEALS, SEALS))
		err = errno == ENOSPC ? -ENOMEM : -errno;
	else
		err = map(area, memfd, size);
	if (err)
		close(memfd);
	return err;
}

int millrace_area_seal_writes(struct millrace_area *area)
{
	return fcntl(area->memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) ? -errno : 0;
}

int millrace_area_adopt(struct millrace_area *area, int memfd, size_t size)
{
	struct statfs fs;
	struct stat st;
	int seals = fcntl(memfd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return -EINVAL;
	/* Not huge pages: those can run out under a mapping. */
	if (fstatfs(memfd, &fs) || fs.f_type != TMPFS_MAGIC)
		return -EINVAL;
	if (fstat(memfd, &st) || !S_ISREG(st.st_mode) || (__u64)st.st_size < size)
		return -EINVAL;
	return map(area, memfd, size);
}

void millrace_area_destroy(struct millrace_area *area)
{
	if (!area->data)
		return;
	munmap(area->data, area->size);
	if (area->memfd >= 0)
		close(area->memfd);
	area->data = NULL;
}
