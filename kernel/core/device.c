// SPDX-License-Identifier: GPL-2.0
/* Devices: making a node for a driver, and taking it away. */
#include <linux/idr.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "core.h"

static LIST_HEAD(nodes);
static DEFINE_MUTEX(nodes_lock);
static DEFINE_IDA(minors);

static void free_node(struct device *dev)
{
	struct millrace_node *node = container_of(dev, struct millrace_node, dev);

	if (node->worker)
		put_task_struct(node->worker);
	if (dev->devt)
		ida_free(&minors, MINOR(dev->devt) - MINOR(millrace_devt));
	xa_destroy(&node->files);
	mutex_destroy(&node->lock);
	mutex_destroy(&node->run);
	kfree(node);
}

static struct millrace_node *alloc_node(void)
{
	struct millrace_node *node = kzalloc(sizeof(*node), GFP_KERNEL);

	if (!node)
		return NULL;
	mutex_init(&node->run);
	mutex_init(&node->lock);
	xa_init(&node->files);
	INIT_LIST_HEAD(&node->list);
	device_initialize(&node->dev);
	node->dev.class = millrace_class;
	node->dev.groups = millrace_node_groups;
	node->dev.release = free_node;
	return node;
}

static bool name_taken(const char *name)
{
	struct millrace_node *node;

	lockdep_assert_held(&nodes_lock);
	list_for_each_entry(node, &nodes, list)
		if (!strcmp(dev_name(&node->dev), name))
			return true;
	return false;
}

/* Names it <driver>N with the first N that is free. */
static int add_name(struct millrace_node *node, const struct millrace_driver *driver)
{
	char name[MILLRACE_NAME_SIZE];
	unsigned int i = 0;
	int err;

	mutex_lock(&nodes_lock);
	do {
		snprintf(name, sizeof(name), "%.24s%u", driver->name, i++);
	} while (name_taken(name));
	err = dev_set_name(&node->dev, "%s", name);
	if (!err)
		list_add_tail(&node->list, &nodes);
	mutex_unlock(&nodes_lock);
	return err;
}

static void remove_name(struct millrace_node *node)
{
	mutex_lock(&nodes_lock);
	list_del_init(&node->list);
	mutex_unlock(&nodes_lock);
}

static int add_chrdev(struct millrace_node *node, struct module *owner)
{
	int minor = ida_alloc_max(&minors, MILLRACE_MINORS - 1, GFP_KERNEL);

	if (minor < 0)
		return minor;
	node->dev.devt = MKDEV(MAJOR(millrace_devt), MINOR(millrace_devt) + minor);
	cdev_init(&node->cdev, &millrace_fops);
	node->cdev.owner = owner; /* every open file holds the driver's module */
	return cdev_device_add(&node->cdev, &node->dev);
}

int millrace_device_register(const struct millrace_driver *driver, struct module *owner,
			     struct millrace_device **device)
{
	struct millrace_node *node;
	int err;

	if (!driver->name || !*driver->name || strchr(driver->name, '/'))
		return -EINVAL;
	node = alloc_node();
	if (!node)
		return -ENOMEM;
	err = add_name(node, driver);
	if (err)
		goto undo_alloc;
	err = millrace_device_init(&node->device, driver, dev_name(&node->dev),
				   MILLRACE_HOME_KERNEL);
	if (err)
		goto undo_name;
	err = millrace_worker_start(node);
	if (err)
		goto undo_init;
	err = add_chrdev(node, owner);
	if (err)
		goto undo_worker;
	millrace_debugfs_add(node);
	*device = &node->device;
	return 0;
undo_worker:
	millrace_worker_stop(node);
undo_init:
	millrace_device_exit(&node->device);
undo_name:
	remove_name(node);
undo_alloc:
	put_device(&node->dev);
	return err;
}

/* From here on nobody opens it, and whoever has it open learns that it has gone. */
static void end_files(struct millrace_node *node)
{
	struct millrace_file *file;
	unsigned long id;

	mutex_lock(&node->lock);
	node->gone = true;
	xa_for_each(&node->files, id, file)
		millrace_session_end(&file->session, MILLRACE_ERROR_GONE);
	mutex_unlock(&node->lock);
}

static struct millrace_file *get_first_file(struct millrace_node *node)
{
	struct millrace_file *file;
	unsigned long id = 0;

	mutex_lock(&node->lock);
	file = xa_find(&node->files, &id, ULONG_MAX, XA_PRESENT);
	if (file)
		kref_get(&file->refs);
	mutex_unlock(&node->lock);
	return file;
}

void millrace_device_unregister(struct millrace_device *device)
{
	struct millrace_node *node = millrace_node(device);
	struct millrace_file *file;

	end_files(node);
	millrace_debugfs_remove(node);
	cdev_device_del(&node->cdev, &node->dev);
	remove_name(node);
	millrace_worker_stop(node);
	while ((file = get_first_file(node))) {
		millrace_file_shutdown(file);
		millrace_file_put(file);
	}
	millrace_device_exit(device);
	put_device(&node->dev);
}
