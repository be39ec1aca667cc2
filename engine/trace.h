/* SPDX-License-Identifier: MIT */
/*
 * What can be traced inside the engine: tracepoints in the kernel, nothing in user space.
 *
 * millrace_trace_group	a group of n commands has been taken
 * millrace_trace_end	a session has ended with an error
 */
#ifndef MILLRACE_ENGINE_TRACE_H
#define MILLRACE_ENGINE_TRACE_H

#ifdef __KERNEL__
#include "../kernel/core/trace.h"
#define millrace_trace_group(s, n)   trace_millrace_group(millrace_file(s), n, (s)->sq.head)
#define millrace_trace_end(s, error) trace_millrace_session_error(millrace_file(s), error)
#else
#define millrace_trace_group(s, n)   ((void)(s), (void)(n))
#define millrace_trace_end(s, error) ((void)(s), (void)(error))
#endif

#endif
