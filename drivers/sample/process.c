// SPDX-License-Identifier: MIT
#include "driver.h"

MILLRACE_PROCESS_DRIVER(sample_driver);
