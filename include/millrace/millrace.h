/* SPDX-License-Identifier: MIT */
/* millrace/millrace.h - all that an application needs. */
#ifndef MILLRACE_MILLRACE_H
#define MILLRACE_MILLRACE_H

#include <millrace/uapi.h>
#include <millrace/buffer.h>
#include <millrace/client.h>
#include <millrace/queue.h>

#endif
