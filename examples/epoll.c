// SPDX-License-Identifier: MIT
/*
 * A device in an event loop: commands that complete later and out of order, beside a timer that goes
 * on ticking. The one rule: millrace_queue_arm() before each epoll_wait(), and when it says that
 * something is there, take that first.
 *
 *	epoll [DEVICE]
 */
#include <errno.h>
#include <millrace/millrace.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sample.h"

#define COMMANDS 8
#define MS	 1000000 /* nanoseconds */

static int submit_delays(struct millrace_client *client)
{
	struct millrace_slots sq;
	int i, ret;

	ret = millrace_queue_reserve(client, COMMANDS, &sq);
	if (ret)
		return ret;
	for (i = 0; i < COMMANDS; i++) {
		struct millrace_sqe *sqe = millrace_sqe(&sq, i);

		millrace_sqe_prepare(sqe, SAMPLE_DELAY, i);
		sqe->param[0] = (COMMANDS - i) * 5 * MS;
	}
	return millrace_queue_submit(client);
}

/* Takes what is there. How many, or -errno. */
static int take(struct millrace_client *client)
{
	struct millrace_slots cq;
	int i, n, status = 0;

	n = millrace_queue_peek(client, &cq);
	for (i = 0; i < n; i++) {
		const struct millrace_cqe *cqe = millrace_cqe(&cq, i);

		if (cqe->status)
			status = cqe->status;
		else
			printf("command %llu took %.1f ms\n", (unsigned long long)cqe->user_data,
			       cqe->output[0] / 1e6);
	}
	if (n > 0)
		millrace_queue_release(client, n);
	return status ? status : n;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int make_timer(void)
{
	struct itimerspec tick = { .it_interval.tv_nsec = 10 * MS, .it_value.tv_nsec = 10 * MS };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, 0, &tick, NULL);
	return fd;
}

/* Sleeps until one of the descriptors has something; reads the timer if it was that one. */
static int sleep_once(int epoll, int timer, unsigned int *ticks)
{
	struct epoll_event event;
	__u64 expired;
	int n = epoll_wait(epoll, &event, 1, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n && event.data.fd == timer && read(timer, &expired, sizeof(expired)) > 0)
		*ticks += expired;
	return 0;
}

static int run(struct millrace_client *client, int epoll, int timer)
{
	unsigned int ticks = 0;
	int left, ret;

	ret = watch(epoll, timer);
	if (!ret)
		ret = watch(epoll, millrace_queue_fd(client));
	if (!ret)
		ret = submit_delays(client);
	for (left = COMMANDS; ret >= 0 && left;) {
		ret = millrace_queue_arm(client);
		if (ret > 0) {
			ret = take(client);
			left -= ret > 0 ? ret : 0;
		} else if (!ret) {
			ret = sleep_once(epoll, timer, &ticks);
		}
	}
	if (ret >= 0)
		printf("%u ticks meanwhile\n", ticks);
	return ret < 0 ? ret : 0;
}

int main(int argc, char **argv)
{
	struct millrace_client *client = NULL;
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = make_timer();
	int ret;

	ret = millrace_client_open(argc > 1 ? argv[1] : "sample0", &client);
	if (!ret)
		ret = millrace_queue_setup(client, &(struct millrace_queue_params){ .entries = 16 });
	if (!ret)
		ret = run(client, epoll, timer);
	if (ret)
		fprintf(stderr, "epoll: %s\n", strerror(-ret));
	millrace_client_close(client);
	close(timer);
	close(epoll);
	return ret ? 1 : 0;
}
