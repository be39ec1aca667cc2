// SPDX-License-Identifier: GPL-2.0
/* The module: what there is once, whatever the number of devices. */
#include <linux/module.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct class *millrace_class;
dev_t millrace_devt;

static char *devnode(millrace_class_device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0660;
	return kasprintf(GFP_KERNEL, "millrace/%s", dev_name(dev));
}

static int __init millrace_init(void)
{
	int err;

	err = millrace_buffers_setup();
	if (err)
		return err;
	err = alloc_chrdev_region(&millrace_devt, 0, MILLRACE_MINORS, "millrace");
	if (err)
		goto undo_buffers;
	millrace_class = millrace_class_create("millrace");
	if (IS_ERR(millrace_class)) {
		err = PTR_ERR(millrace_class);
		goto undo_region;
	}
	millrace_class->devnode = devnode;
	millrace_debugfs_setup();
	return 0;
undo_region:
	unregister_chrdev_region(millrace_devt, MILLRACE_MINORS);
undo_buffers:
	millrace_buffers_cleanup();
	return err;
}

static void __exit millrace_exit(void)
{
	millrace_debugfs_cleanup();
	class_destroy(millrace_class);
	unregister_chrdev_region(millrace_devt, MILLRACE_MINORS);
	millrace_buffers_cleanup();
}

module_init(millrace_init);
module_exit(millrace_exit);

MODULE_DESCRIPTION("Millrace: a fast path between applications and device drivers");
MODULE_LICENSE("GPL");
