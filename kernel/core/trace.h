/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM millrace

#if !defined(MILLRACE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MILLRACE_TRACE_H

#include <linux/tracepoint.h>

#include "core.h"

DECLARE_EVENT_CLASS(millrace_file,
	TP_PROTO(const struct millrace_file *file),
	TP_ARGS(file),
	TP_STRUCT__entry(
		__string(device, file->node->device.name)
		__field(unsigned long, id)
	),
	TP_fast_assign(
		millrace_assign_str(device, file->node->device.name);
		__entry->id = file->id;
	),
	TP_printk("%s session %lu", __get_str(device), __entry->id)
);

DEFINE_EVENT(millrace_file, millrace_session_open,
	TP_PROTO(const struct millrace_file *file), TP_ARGS(file));
DEFINE_EVENT(millrace_file, millrace_session_close,
	TP_PROTO(const struct millrace_file *file), TP_ARGS(file));
DEFINE_EVENT(millrace_file, millrace_kick,
	TP_PROTO(const struct millrace_file *file), TP_ARGS(file));
DEFINE_EVENT(millrace_file, millrace_wake,
	TP_PROTO(const struct millrace_file *file), TP_ARGS(file));

TRACE_EVENT(millrace_group,
	TP_PROTO(const struct millrace_file *file, unsigned int commands, unsigned int sq_head),
	TP_ARGS(file, commands, sq_head),
	TP_STRUCT__entry(
		__string(device, file->node->device.name)
		__field(unsigned long, id)
		__field(unsigned int, commands)
		__field(unsigned int, sq_head)
	),
	TP_fast_assign(
		millrace_assign_str(device, file->node->device.name);
		__entry->id = file->id;
		__entry->commands = commands;
		__entry->sq_head = sq_head;
	),
	TP_printk("%s session %lu commands %u sq_head 0x%x", __get_str(device), __entry->id,
		  __entry->commands, __entry->sq_head)
);

TRACE_EVENT(millrace_session_error,
	TP_PROTO(const struct millrace_file *file, unsigned int error),
	TP_ARGS(file, error),
	TP_STRUCT__entry(
		__string(device, file->node->device.name)
		__field(unsigned long, id)
		__field(unsigned int, error)
	),
	TP_fast_assign(
		millrace_assign_str(device, file->node->device.name);
		__entry->id = file->id;
		__entry->error = error;
	),
	TP_printk("%s session %lu error %s", __get_str(device), __entry->id,
		  __print_symbolic(__entry->error,
				   { MILLRACE_ERROR_SQ_TAIL, "SQ_TAIL" },
				   { MILLRACE_ERROR_CQ_HEAD, "CQ_HEAD" },
				   { MILLRACE_ERROR_GROUP, "GROUP" },
				   { MILLRACE_ERROR_GONE, "GONE" }))
);

DECLARE_EVENT_CLASS(millrace_worker,
	TP_PROTO(const struct millrace_node *node),
	TP_ARGS(node),
	TP_STRUCT__entry(
		__string(device, node->device.name)
	),
	TP_fast_assign(
		millrace_assign_str(device, node->device.name);
	),
	TP_printk("%s", __get_str(device))
);

DEFINE_EVENT(millrace_worker, millrace_worker_sleep,
	TP_PROTO(const struct millrace_node *node), TP_ARGS(node));
DEFINE_EVENT(millrace_worker, millrace_worker_wake,
	TP_PROTO(const struct millrace_node *node), TP_ARGS(node));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kernel/core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
