/* SPDX-License-Identifier: MIT */
/*
 * Sizes and offsets of everything that crosses the boundary. The same numbers hold for 32-bit
 * clients: scripts/check-tree compiles this file with -m32, too.
 */
#include <stddef.h>
#include <stdio.h>

#include "../../include/uapi/millrace.h"

#define size(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define at(type, field, bytes)                                                                     \
	_Static_assert(offsetof(type, field) == (bytes), #field " in " #type)

size(struct millrace_sqe, 16);
at(struct millrace_sqe, opcode, 0);
at(struct millrace_sqe, flags, 2);
at(struct millrace_sqe, group, 4);
at(struct millrace_sqe, reserved, 6);
at(struct millrace_sqe, user_data, 8);
at(struct millrace_sqe, param, 16);

size(struct millrace_cqe, 16);
at(struct millrace_cqe, user_data, 0);
at(struct millrace_cqe, status, 8);
at(struct millrace_cqe, reserved, 12);
at(struct millrace_cqe, output, 16);

size(struct millrace_index, 128);

size(struct millrace_client_area, 512);
at(struct millrace_client_area, sq_tail, 0);
at(struct millrace_client_area, cq_head, 128);
at(struct millrace_client_area, cq_event, 256);
at(struct millrace_client_area, spins, 384);
at(struct millrace_client_area, waits, 388);

size(struct millrace_driver_area, 512);
at(struct millrace_driver_area, sq_head, 0);
at(struct millrace_driver_area, cq_tail, 128);
at(struct millrace_driver_area, sq_event, 256);
at(struct millrace_driver_area, error, 384);

size(struct millrace_info, 144);
at(struct millrace_info, abi, 0);
at(struct millrace_info, home, 4);
at(struct millrace_info, name, 8);
at(struct millrace_info, driver, 40);
at(struct millrace_info, ops, 72);
at(struct millrace_info, max_params, 76);
at(struct millrace_info, max_outputs, 80);
at(struct millrace_info, sqe_size, 84);
at(struct millrace_info, cqe_size, 88);
at(struct millrace_info, max_entries, 92);
at(struct millrace_info, max_group, 96);
at(struct millrace_info, max_buffers, 100);
at(struct millrace_info, max_buffer_size, 104);
at(struct millrace_info, max_sessions, 112);
at(struct millrace_info, max_poll_us, 116);
at(struct millrace_info, sessions, 120);
at(struct millrace_info, padding, 124);
at(struct millrace_info, max_memory, 128);
at(struct millrace_info, reserved, 136);

size(struct millrace_op_info, 48);
at(struct millrace_op_info, index, 0);
at(struct millrace_op_info, opcode, 4);
at(struct millrace_op_info, params, 6);
at(struct millrace_op_info, outputs, 7);
at(struct millrace_op_info, name, 8);
at(struct millrace_op_info, reserved, 40);

size(struct millrace_setup, 88);
at(struct millrace_setup, abi, 0);
at(struct millrace_setup, flags, 4);
at(struct millrace_setup, sq_entries, 8);
at(struct millrace_setup, cq_entries, 12);
at(struct millrace_setup, poll_us, 16);
at(struct millrace_setup, sqe_size, 20);
at(struct millrace_setup, cqe_size, 24);
at(struct millrace_setup, sqe_offset, 28);
at(struct millrace_setup, cqe_offset, 32);
at(struct millrace_setup, max_group, 36);
at(struct millrace_setup, client_size, 40);
at(struct millrace_setup, driver_size, 48);
at(struct millrace_setup, client_offset, 56);
at(struct millrace_setup, driver_offset, 64);
at(struct millrace_setup, reserved, 72);

size(struct millrace_enter, 24);
at(struct millrace_enter, flags, 0);
at(struct millrace_enter, min_complete, 4);
at(struct millrace_enter, deadline, 8);
at(struct millrace_enter, reserved, 16);

size(struct millrace_buffer_request, 40);
at(struct millrace_buffer_request, flags, 0);
at(struct millrace_buffer_request, handle, 4);
at(struct millrace_buffer_request, size, 8);
at(struct millrace_buffer_request, address, 16);
at(struct millrace_buffer_request, offset, 24);
at(struct millrace_buffer_request, reserved, 32);

size(struct millrace_eventfd, 8);
at(struct millrace_eventfd, fd, 0);
at(struct millrace_eventfd, reserved, 4);

size(struct millrace_session_stats, 144);
at(struct millrace_session_stats, id, 0);
at(struct millrace_session_stats, pid, 8);
at(struct millrace_session_stats, uid, 12);
at(struct millrace_session_stats, comm, 16);
at(struct millrace_session_stats, error, 32);
at(struct millrace_session_stats, sq_depth, 36);
at(struct millrace_session_stats, in_flight, 40);
at(struct millrace_session_stats, cq_depth, 44);
at(struct millrace_session_stats, buffers, 48);
at(struct millrace_session_stats, reserved, 52);
at(struct millrace_session_stats, buffer_bytes, 56);
at(struct millrace_session_stats, commands, 64);
at(struct millrace_session_stats, groups, 72);
at(struct millrace_session_stats, turns, 80);
at(struct millrace_session_stats, inlined, 88);
at(struct millrace_session_stats, kicks, 96);
at(struct millrace_session_stats, wakeups, 104);
at(struct millrace_session_stats, stalls, 112);
at(struct millrace_session_stats, errors, 120);
at(struct millrace_session_stats, spins, 128);
at(struct millrace_session_stats, waits, 136);

size(struct millrace_message, 152);
at(struct millrace_message, request, 0);
at(struct millrace_message, result, 4);
at(struct millrace_message, argument, 8);

_Static_assert(MILLRACE_IOC_INFO == 0x8090b700, "INFO");
_Static_assert(MILLRACE_IOC_OP == 0xc030b701, "OP");
_Static_assert(MILLRACE_IOC_STATS == 0xc090b702, "STATS");
_Static_assert(MILLRACE_IOC_SETUP == 0xc058b710, "SETUP");
_Static_assert(MILLRACE_IOC_ENTER == 0x4018b711, "ENTER");
_Static_assert(MILLRACE_IOC_EVENTFD == 0x4008b712, "EVENTFD");
_Static_assert(MILLRACE_IOC_BUFFER_CREATE == 0xc028b720, "BUFFER_CREATE");
_Static_assert(MILLRACE_IOC_BUFFER_REGISTER == 0xc028b721, "BUFFER_REGISTER");
_Static_assert(MILLRACE_IOC_BUFFER_FREE == 0x4028b722, "BUFFER_FREE");

int main(void)
{
	printf("1..1\nok 1 - sizes, offsets and numbers are those of ABI %d\n", MILLRACE_ABI);
	return 0;
}
