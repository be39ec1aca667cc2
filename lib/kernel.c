// SPDX-License-Identifier: MIT
/* The kernel home: ioctls and mmap on /dev/millrace/<device>. */
#include "client.h"

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int kernel_request(struct millrace_client *c, unsigned int request, void *argument,
			  size_t size)
{
	(void)size;
	return ioctl(c->fd, request, argument) < 0 ? -errno : 0;
}

static void unmap_areas(struct millrace_client *c, const struct millrace_setup *setup)
{
	if (c->client)
		munmap(c->client, setup->client_size);
	if (c->driver)
		munmap((void *)c->driver, setup->driver_size);
	c->client = NULL;
	c->driver = NULL;
}

static int kernel_setup(struct millrace_client *c, struct millrace_setup *setup)
{
	void *client, *driver;
	int err;

	err = kernel_request(c, MILLRACE_IOC_SETUP, setup, sizeof(*setup));
	if (err)
		return err;
	client = mmap(NULL, setup->client_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      c->fd, (off_t)setup->client_offset);
	if (client == MAP_FAILED)
		return -errno;
	driver = mmap(NULL, setup->driver_size, PROT_READ, MAP_SHARED | MAP_POPULATE, c->fd,
		      (off_t)setup->driver_offset);
	if (driver == MAP_FAILED) {
		err = -errno;
		munmap(client, setup->client_size);
		return err;
	}
	c->client = client;
	c->driver = driver;
	return 0;
}

static int enter(struct millrace_client *c, __u32 flags, __u32 min, __u64 deadline)
{
	struct millrace_enter e = { .flags = flags, .min_complete = min, .deadline = deadline };

	if (ioctl(c->fd, MILLRACE_IOC_ENTER, &e) >= 0)
		return 0;
	if (errno == ENODEV || errno == EPROTO)
		return millrace_client_ended(c, -errno);
	return -errno;
}

static int kernel_kick(struct millrace_client *c)
{
	return enter(c, MILLRACE_ENTER_KICK, 0, 0);
}

/* 0 or -errno; no cancellation point, and on x86-64 no call. */
static inline int fdatasync_quick(int fd)
{
#ifdef __x86_64__
	long ret = SYS_fdatasync;

	__asm__ volatile("syscall" : "+a"(ret) : "D"((long)fd) : "rcx", "r11", "memory");
	return (int)ret;
#else
	return syscall(SYS_fdatasync, fd) < 0 ? -errno : 0;
#endif
}

/* For the most common wait there is a shorter way into the kernel than an ioctl. */
static inline int sync_all(struct millrace_client *c)
{
	int err = fdatasync_quick(c->fd);

	if (err == -ENODEV || err == -EPROTO)
		return millrace_client_ended(c, err);
	return err == -EAGAIN ? 0 : err;
}

static int kernel_kick_and_sleep(struct millrace_client *c, __u32 min, bool all, __u64 deadline)
{
	if (all && deadline == MILLRACE_FOREVER)
		return sync_all(c);
	return enter(c, MILLRACE_ENTER_KICK | MILLRACE_ENTER_WAIT, min, deadline);
}

static int kernel_sleep(struct millrace_client *c, __u32 min, __u64 deadline)
{
	return enter(c, MILLRACE_ENTER_WAIT, min, deadline);
}

static int kernel_create(struct millrace_client *c, struct millrace_buffer_request *r, void **data)
{
	int err = kernel_request(c, MILLRACE_IOC_BUFFER_CREATE, r, sizeof(*r));

	if (err)
		return err;
	*data = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, (off_t)r->offset);
	if (*data != MAP_FAILED)
		return 0;
	err = -errno;
	*r = (struct millrace_buffer_request){ .handle = r->handle };
	kernel_request(c, MILLRACE_IOC_BUFFER_FREE, r, sizeof(*r));
	return err;
}

static int kernel_enroll(struct millrace_client *c, struct millrace_buffer_request *r, void *data)
{
	r->address = (uintptr_t)data;
	return kernel_request(c, MILLRACE_IOC_BUFFER_REGISTER, r, sizeof(*r));
}

static void kernel_restore(void *data, size_t size)
{
	(void)data; /* only pinned: nothing was changed */
	(void)size;
}

static int kernel_set_eventfd(struct millrace_client *c, int eventfd)
{
	struct millrace_eventfd e = { .fd = eventfd };

	return kernel_request(c, MILLRACE_IOC_EVENTFD, &e, sizeof(e));
}

static int kernel_poll_fd(const struct millrace_client *c)
{
	return c->fd;
}

static void kernel_close(struct millrace_client *c)
{
	unmap_areas(c, &c->setup);
	close(c->fd);
}

const struct millrace_backend millrace_kernel_backend = {
	.request = kernel_request,
	.setup = kernel_setup,
	.create = kernel_create,
	.enroll = kernel_enroll,
	.restore = kernel_restore,
	.set_eventfd = kernel_set_eventfd,
	.kick = kernel_kick,
	.kick_and_sleep = kernel_kick_and_sleep,
	.sleep = kernel_sleep,
	.poll_fd = kernel_poll_fd,
	.close = kernel_close,
};
