/* SPDX-License-Identifier: MIT */
/* The operations of the test driver in single.c. */
#ifndef MILLRACE_TESTS_KERNEL_SINGLE_H
#define MILLRACE_TESTS_KERNEL_SINGLE_H

#define SINGLE_PARAMS 30 /* as many as there can be */

enum single_opcode {
	SINGLE_SUM = 3,	     /* 30 numbers -> the session's sum, the numbers 29 .. 1 */
	SINGLE_REFUSE = 77,  /* errno -> -; open() of the next client fails with it */
	SINGLE_CLIENTS = 78, /* -> clients opened, clients closed */
	SINGLE_MISTAKE = 255,
};

#endif
