// SPDX-License-Identifier: GPL-2.0
/*
 * A driver whose device goes while it is open, as a card is pulled: a test's module. Writing 1 to its
 * parameter "present" makes the device gone0, 0 takes it away. Its one operation completes when the
 * command is cancelled, and not before. While "slow" is set, whoever closes counts in "closing" and waits
 * until the device is on its way out, and then some.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include "../../include/millrace/driver.h"

static struct millrace_device *device;
static DEFINE_MUTEX(lock);
static atomic_t sessions;

static bool slow, going;
static unsigned int closing;
static DECLARE_WAIT_QUEUE_HEAD(goes);
module_param(slow, bool, 0600);
module_param(closing, uint, 0400);

static int gone_open(struct millrace_session *session)
{
	atomic_inc(&sessions);
	return 0;
}

static void close_slowly(void)
{
	WRITE_ONCE(closing, closing + 1);
	wait_event(goes, READ_ONCE(going));
	msleep(100); /* time for a mistake to happen: remove() before this is over */
}

static void gone_close(struct millrace_session *session)
{
	if (READ_ONCE(slow))
		close_slowly();
	atomic_dec(&sessions);
}

static void gone_remove(struct millrace_device *d)
{
	WARN_ON(atomic_read(&sessions));
}

static int gone_execute(struct millrace_cmd *cmd)
{
	return MILLRACE_LATER;
}

static void gone_cancel(struct millrace_cmd *cmd)
{
	WARN_ON(millrace_cmd_delay_stop(cmd)); /* none was set */
	millrace_cmd_complete(cmd, -ECANCELED);
}

static const struct millrace_op gone_ops[] = { { .name = "hold", .opcode = 0, .params = 1 } };

static const struct millrace_driver gone_driver = {
	.name = "gone",
	.ops = gone_ops,
	.op_count = 1,
	.remove = gone_remove,
	.open = gone_open,
	.close = gone_close,
	.execute = gone_execute,
	.cancel = gone_cancel,
};

static int set_present(const char *value, const struct kernel_param *param)
{
	bool present;
	int err = kstrtobool(value, &present);

	if (err)
		return err;
	mutex_lock(&lock);
	if (present && !device) {
		err = millrace_device_register(&gone_driver, THIS_MODULE, &device);
	} else if (!present && device) {
		WRITE_ONCE(going, true);
		wake_up_all(&goes);
		millrace_device_unregister(device);
		device = NULL;
		WRITE_ONCE(going, false);
	}
	mutex_unlock(&lock);
	return err;
}

static const struct kernel_param_ops present_ops = { .set = set_present };
module_param_cb(present, &present_ops, NULL, 0200);

static int __init gone_init(void)
{
	return 0;
}

static void __exit gone_exit(void)
{
	if (device)
		millrace_device_unregister(device);
}

module_init(gone_init);
module_exit(gone_exit);
MODULE_DESCRIPTION("Millrace test: a device that goes");
MODULE_LICENSE("GPL");
