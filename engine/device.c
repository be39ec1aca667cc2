// SPDX-License-Identifier: MIT
#include "device.h"

#include "os.h"

/* What a home allows when the driver sets no limit of its own. */
#define DEFAULT_ENTRIES	    4096
#define DEFAULT_GROUP	    256
#define DEFAULT_SESSIONS    4096
#define DEFAULT_BUFFERS	    1024
#define DEFAULT_BUFFER_SIZE (256ULL << 20)
#define DEFAULT_MEMORY	    (1ULL << 30)
#define DEFAULT_POLL_US	    10000
#define MOST_ENTRIES	    32768
#define MOST_BUFFERS	    4095 /* a handle is the upper half of an mmap offset of 44 bits */

static __u32 power_of_two_above(__u32 n, __u32 least)
{
	while (least < n)
		least *= 2;
	return least;
}

static int check_spans(const struct millrace_op *op)
{
	unsigned int i;

	if (op->spans > MILLRACE_SPANS)
		return -EINVAL;
	for (i = 0; i < op->spans; i++) {
		const struct millrace_span_params *p = &op->span[i];

		if (p->handle >= op->params || p->offset >= op->params || p->size >= op->params)
			return -EINVAL;
	}
	return 0;
}

static int add_op(struct millrace_device *d, const struct millrace_op *op)
{
	if (!op->name || op->opcode >= MILLRACE_OPCODES || d->op[op->opcode])
		return -EINVAL;
	if (op->params > MILLRACE_PARAMS || op->outputs > MILLRACE_OUTPUTS)
		return -EINVAL;
	if (check_spans(op))
		return -EINVAL;
	if (op->params > d->max_params)
		d->max_params = op->params;
	if (op->outputs > d->max_outputs)
		d->max_outputs = op->outputs;
	d->op[op->opcode] = op;
	return 0;
}

static int set_limits(struct millrace_device *d)
{
	const struct millrace_driver *driver = d->driver;

	d->max_entries = driver->max_entries ?: DEFAULT_ENTRIES;
	d->max_group = driver->max_group;
	if (!d->max_group)
		d->max_group = d->max_entries < DEFAULT_GROUP ? d->max_entries : DEFAULT_GROUP;
	d->max_sessions = driver->max_sessions ?: DEFAULT_SESSIONS;
	d->max_buffers = driver->max_buffers ?: DEFAULT_BUFFERS;
	d->max_buffer_size = driver->max_buffer_size ?: DEFAULT_BUFFER_SIZE;
	d->max_memory = driver->max_memory ?: DEFAULT_MEMORY;
	d->max_poll_us = DEFAULT_POLL_US;
	if (!millrace_entries_valid(d->max_entries, MOST_ENTRIES))
		return -EINVAL;
	if (d->max_group > d->max_entries || d->max_buffers > MOST_BUFFERS)
		return -EINVAL;
	return 0;
}

static int read_declaration(struct millrace_device *d)
{
	const struct millrace_driver *driver = d->driver;
	unsigned int i;
	int err;

	if (!driver->name || !driver->execute || !driver->op_count)
		return -EINVAL;
	err = set_limits(d);
	for (i = 0; !err && i < driver->op_count; i++)
		err = add_op(d, &driver->ops[i]);
	if (err)
		return err;
	d->sqe_size = power_of_two_above(sizeof(struct millrace_sqe) + 8 * d->max_params, 64);
	d->cqe_size = power_of_two_above(sizeof(struct millrace_cqe) + 8 * d->max_outputs, 16);
	return 0;
}

static void copy_name(char to[MILLRACE_NAME_SIZE], const char *from)
{
	unsigned int i;

	memset(to, 0, MILLRACE_NAME_SIZE);
	for (i = 0; from[i] && i < MILLRACE_NAME_SIZE - 1; i++)
		to[i] = from[i];
}

int millrace_device_init(struct millrace_device *d, const struct millrace_driver *driver,
			 const char *name, enum millrace_home home)
{
	int err;

	d->driver = driver;
	d->home = home;
	copy_name(d->name, name);
	err = read_declaration(d);
	if (err)
		return err;
	millrace_sched_init(&d->sched);
	d->group = millrace_zalloc(d->max_group, sizeof(d->group[0]));
	d->state = millrace_zalloc(1, driver->device_state ?: 1);
	err = d->group && d->state ? 0 : -ENOMEM;
	if (!err && driver->probe)
		err = driver->probe(d);
	if (err) {
		millrace_free(d->state);
		millrace_free(d->group);
	}
	return err;
}

void millrace_device_exit(struct millrace_device *d)
{
	if (d->driver->remove)
		d->driver->remove(d);
	millrace_free(d->state);
	millrace_free(d->group);
}

void millrace_device_info(const struct millrace_device *d, struct millrace_info *info)
{
	memset(info, 0, sizeof(*info));
	info->abi = MILLRACE_ABI;
	info->home = d->home;
	copy_name(info->name, d->name);
	copy_name(info->driver, d->driver->name);
	info->ops = d->driver->op_count;
	info->max_params = d->max_params;
	info->max_outputs = d->max_outputs;
	info->sqe_size = d->sqe_size;
	info->cqe_size = d->cqe_size;
	info->max_entries = d->max_entries;
	info->max_group = d->max_group;
	info->max_buffers = d->max_buffers;
	info->max_buffer_size = d->max_buffer_size;
	info->max_memory = d->max_memory;
	info->max_sessions = d->max_sessions;
	info->max_poll_us = d->max_poll_us;
}

int millrace_device_op_info(const struct millrace_device *d, struct millrace_op_info *info)
{
	const struct millrace_op *op;
	__u32 index = info->index;

	if (info->opcode || info->params || info->outputs || info->reserved[0] || info->reserved[1])
		return -EINVAL;
	if (index >= d->driver->op_count)
		return -ENOENT;
	op = &d->driver->ops[millrace_index_nospec(index, d->driver->op_count)];
	info->opcode = op->opcode;
	info->params = op->params;
	info->outputs = op->outputs;
	copy_name(info->name, op->name);
	return 0;
}

void *millrace_device_state(const struct millrace_device *device)
{
	return device->state;
}
