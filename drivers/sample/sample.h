/* SPDX-License-Identifier: MIT */
/* The sample accelerator: its operations, for programs that use it. */
#ifndef MILLRACE_SAMPLE_H
#define MILLRACE_SAMPLE_H

/*
 * Opcodes, with their parameters -> outputs. A buffer is (handle, offset in bytes).
 *
 * NOP	   -> -
 * ADD	   a, b -> a + b (modulo 2^64)
 * CRC32C  buffer, size, crc -> CRC-32C continued from crc; 0 starts
 * COPY	   to buffer, from buffer, size -> size
 * FILL	   buffer, size, byte -> size
 * COMPARE a buffer, b buffer, size -> offset of the first difference; size if there is none
 * DELAY   ns -> ns that it really took; completes later, by time
 * TICKET  -> how many TICKET commands the device ran before this one
 * FAIL	   status -> -; completes with that negative errno (-4095 .. -1, else -EINVAL)
 */
enum sample_opcode {
	SAMPLE_NOP = 0,
	SAMPLE_ADD = 1,
	SAMPLE_CRC32C = 2,
	SAMPLE_COPY = 3,
	SAMPLE_FILL = 4,
	SAMPLE_COMPARE = 5,
	SAMPLE_DELAY = 6,
	SAMPLE_FAIL = 7,
	SAMPLE_TICKET = 8,
};

#endif
