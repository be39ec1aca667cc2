/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that are supported, 6.1 and later. No other file asks for the
 * kernel's version: it uses the newest interface, which this file provides on older kernels.
 */
#ifndef MILLRACE_COMPAT_H
#define MILLRACE_COMPAT_H

#include <linux/device/class.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

#define MILLRACE_KERNEL_BEFORE(a, b) (LINUX_VERSION_CODE < KERNEL_VERSION(a, b, 0))

#if MILLRACE_KERNEL_BEFORE(6, 2)
typedef struct device millrace_class_device; /* what a class's devnode() is given */
#else
typedef const struct device millrace_class_device;
#endif

#if MILLRACE_KERNEL_BEFORE(6, 3)
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

static inline struct class *millrace_class_create(const char *name)
{
#if MILLRACE_KERNEL_BEFORE(6, 4)
	return class_create(THIS_MODULE, name);
#else
	return class_create(name);
#endif
}

static inline void millrace_eventfd_signal(struct eventfd_ctx *ctx)
{
#if MILLRACE_KERNEL_BEFORE(6, 8)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/* In a trace event: the string field @field is set to the source that __string() has named. */
#if MILLRACE_KERNEL_BEFORE(6, 10)
#define millrace_assign_str(field, source) __assign_str(field, source)
#else
#define millrace_assign_str(field, source) __assign_str(field)
#endif

#if MILLRACE_KERNEL_BEFORE(6, 13)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif
