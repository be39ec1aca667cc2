// SPDX-License-Identifier: GPL-2.0
/* /sys/class/millrace/<device>/: one value a file, for everybody. Totals count closed sessions too. */
#include <linux/sysfs.h>

#include "core.h"

static struct millrace_node *node_of(struct device *dev)
{
	return container_of(dev, struct millrace_node, dev);
}

static ssize_t driver_name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", node_of(dev)->device.driver->name);
}
static struct device_attribute dev_attr_driver_name = __ATTR(driver, 0444, driver_name_show, NULL);

static ssize_t abi_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", MILLRACE_ABI);
}
static DEVICE_ATTR_RO(abi);

static ssize_t sessions_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(node_of(dev)->queues));
}
static DEVICE_ATTR_RO(sessions);

#define TOTAL(name)                                                                                \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)   \
	{                                                                                          \
		struct millrace_counters sum;                                                      \
												   \
		millrace_node_total(node_of(dev), &sum);                                           \
		return sysfs_emit(buf, "%llu\n", sum.name);                                        \
	}                                                                                          \
	static DEVICE_ATTR_RO(name)

TOTAL(commands);
TOTAL(groups);
TOTAL(turns);
TOTAL(inlined);
TOTAL(kicks);
TOTAL(wakeups);
TOTAL(stalls);
TOTAL(errors);

static struct attribute *node_attrs[] = {
	&dev_attr_driver_name.attr,
	&dev_attr_abi.attr,
	&dev_attr_sessions.attr,
	&dev_attr_commands.attr,
	&dev_attr_groups.attr,
	&dev_attr_turns.attr,
	&dev_attr_inlined.attr,
	&dev_attr_kicks.attr,
	&dev_attr_wakeups.attr,
	&dev_attr_stalls.attr,
	&dev_attr_errors.attr,
	NULL,
};

static const struct attribute_group node_group = {
	.attrs = node_attrs,
};

const struct attribute_group *millrace_node_groups[] = {
	&node_group,
	NULL,
};
