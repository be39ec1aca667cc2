// SPDX-License-Identifier: MIT
/* Delays of commands: a binary heap by time, the worker's. Its room is reserved at set-up. */
#include "host.h"

static void put(struct millrace_delays *q, size_t place, struct millrace_delay *delay)
{
	q->heap[place] = delay;
	delay->place = place;
}

static void sift_up(struct millrace_delays *q, size_t place)
{
	struct millrace_delay *delay = q->heap[place];

	for (; place > 1 && q->heap[place / 2]->expires > delay->expires; place /= 2)
		put(q, place, q->heap[place / 2]);
	put(q, place, delay);
}

static void sift_down(struct millrace_delays *q, size_t place)
{
	struct millrace_delay *delay = q->heap[place];

	for (;;) {
		size_t child = 2 * place;

		if (child < q->count && q->heap[child + 1]->expires < q->heap[child]->expires)
			child++;
		if (child > q->count || q->heap[child]->expires >= delay->expires)
			break;
		put(q, place, q->heap[child]);
		place = child;
	}
	put(q, place, delay);
}

static void take_out(struct millrace_delays *q, struct millrace_delay *delay)
{
	size_t place = delay->place;
	struct millrace_delay *last = q->heap[q->count--];

	delay->place = 0;
	if (last == delay)
		return;
	put(q, place, last);
	sift_up(q, place);
	sift_down(q, last->place);
}

int millrace_delays_reserve(struct millrace_host *h, long more)
{
	struct millrace_delays *q = &h->delays;
	size_t room = q->room + more;
	struct millrace_delay **heap;

	if (more > 0) {
		heap = realloc(q->heap, (room + 1) * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		q->heap = heap;
	}
	q->room = room;
	return 0;
}

static struct millrace_slot *delay_slot(struct millrace_delay *delay)
{
	return container_of(delay, struct millrace_slot, delay);
}

static struct millrace_delays *cmd_delays(struct millrace_cmd *cmd)
{
	return &millrace_device_host(cmd->session->device)->delays;
}

void millrace_cmd_delay(struct millrace_cmd *cmd, __u64 ns)
{
	struct millrace_slot *slot = container_of(cmd, struct millrace_slot, cmd);
	struct millrace_delays *q = cmd_delays(cmd);

	slot->delay.expires = millrace_now() + ns;
	q->heap[++q->count] = &slot->delay;
	sift_up(q, q->count);
}

bool millrace_cmd_delay_stop(struct millrace_cmd *cmd)
{
	struct millrace_slot *slot = container_of(cmd, struct millrace_slot, cmd);

	if (!slot->delay.place)
		return false;
	take_out(cmd_delays(cmd), &slot->delay);
	return true;
}

void millrace_delays_expire(struct millrace_host *h, __u64 now)
{
	struct millrace_delays *q = &h->delays;

	while (q->count && q->heap[1]->expires <= now) {
		struct millrace_slot *slot = delay_slot(q->heap[1]);

		take_out(q, &slot->delay);
		h->device.driver->expired(&slot->cmd);
	}
}

__u64 millrace_delays_next(const struct millrace_host *h)
{
	return h->delays.count ? h->delays.heap[1]->expires : MILLRACE_FOREVER;
}
