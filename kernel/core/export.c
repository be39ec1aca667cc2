// SPDX-License-Identifier: GPL-2.0
/* What millrace/driver.h declares, for the modules of drivers. The engine itself knows no exports. */
#include <linux/export.h>
#include <linux/module.h>

#include "../../include/millrace/driver.h"

EXPORT_SYMBOL_GPL(millrace_device_register);
EXPORT_SYMBOL_GPL(millrace_device_unregister);
EXPORT_SYMBOL_GPL(millrace_device_state);
EXPORT_SYMBOL_GPL(millrace_session_state);
EXPORT_SYMBOL_GPL(millrace_session_device);
EXPORT_SYMBOL_GPL(millrace_cmd_complete);
EXPORT_SYMBOL_GPL(millrace_cmd_delay);
EXPORT_SYMBOL_GPL(millrace_cmd_delay_stop);
EXPORT_SYMBOL_GPL(millrace_now);
EXPORT_SYMBOL_GPL(millrace_yield);
