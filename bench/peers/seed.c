// SPDX-License-Identifier: MIT
/* The client of kernel/seed_peer.c. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../ring/atomic.h"
#include "../common/bench.h"
#include "../kernel/seed_peer.h"
#include "peers.h"

struct seed {
	int fd;
	struct seed_rings *rings;
};

static int seed_open(struct seed *s)
{
	void *rings;

	s->fd = open("/dev/seed_peer", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return -errno;
	rings = mmap(NULL, sizeof(*s->rings), PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (rings == MAP_FAILED) {
		close(s->fd);
		return -ENOMEM;
	}
	s->rings = rings;
	return bench_pin_thread("seed_peer", bench.far);
}

static void seed_close(struct seed *s)
{
	munmap(s->rings, sizeof(*s->rings));
	close(s->fd);
}

static void put_nops(struct seed *s, unsigned int n)
{
	uint32_t tail = s->rings->submit_tail;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct seed_control *c = &s->rings->submit[tail++ % SEED_ENTRIES];

		c->command = 0;
		c->count = 0;
	}
	millrace_store_release(&s->rings->submit_tail, tail);
	ioctl(s->fd, SEED_IOC_SUBMIT);
}

static void take(struct seed *s, unsigned int n, bool poll)
{
	uint32_t head = s->rings->complete_head;

	if (!poll)
		while (ioctl(s->fd, SEED_IOC_WAIT, (unsigned long)n))
			;
	while (millrace_load_acquire(&s->rings->complete_tail) - head < n)
		millrace_relax();
	millrace_store_release(&s->rings->complete_head, head + n);
}

static double measure(unsigned int batch, bool poll)
{
	struct bench_timer t;
	struct seed s = { .fd = -1 };
	int err = seed_open(&s), k;

	if (err)
		return err;
	for (bench_start(&t); bench_goes_on(&t, 4 * batch);) {
		for (k = 0; k < 4; k++) {
			put_nops(&s, batch);
			take(&s, batch, poll);
		}
	}
	seed_close(&s);
	return bench_result(&t);
}

double seed_polling(unsigned int batch)
{
	return measure(batch, true);
}

double seed_waiting(unsigned int batch)
{
	return measure(batch, false);
}
