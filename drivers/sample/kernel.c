// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "driver.h"

MILLRACE_KERNEL_DRIVER(sample_driver);

MODULE_DESCRIPTION("Millrace sample accelerator");
MODULE_LICENSE("GPL");
