// SPDX-License-Identifier: MIT
/*
 * The C++ class of seed 000: an addition, the CRC-32C of a string, and a group, in which a string is
 * copied inside the device's memory and compared and nobody else's commands come in between.
 *
 *	accelerator [DEVICE]
 */
#include <millrace/millrace.hpp>

#include <cstdio>
#include <cstring>
#include <iostream>

#include "sample.h"

using millrace::Accelerator;
using millrace::Buffer;
using millrace::Control;
using millrace::Output;

static bool expect(const char *what, const Output &output, std::uint64_t value)
{
	if (output.status == 0 && output.outputs.at(0) == value) {
		std::printf("%s: %#llx\n", what, static_cast<unsigned long long>(value));
		return true;
	}
	std::printf("%s: wrong, status %d\n", what, output.status);
	return false;
}

/* Parameter packs: submit() of several is one group, wait() gives the outputs in its order. */
static bool add_and_crc(Accelerator &device, const Buffer &buffer, const std::string &text)
{
	Output sum, crc;

	std::memcpy(buffer.data(), text.data(), text.size());
	device.submit(Control(SAMPLE_ADD, { 40, 2 }),
		      Control(SAMPLE_CRC32C, { buffer.handle(), 0, text.size(), 0 }));
	device.wait(sum, crc);
	bool sum_right = expect("40 + 2", sum, 42);
	return expect("CRC-32C of 123456789", crc, 0xe3069283) && sum_right;
}

/* Vectors, for numbers that are known at run time only. */
static bool copy_and_compare(Accelerator &device, const Buffer &buffer, std::uint64_t size)
{
	const std::uint64_t handle = buffer.handle(), to = buffer.size() / 2;
	std::vector<Control> group;
	std::vector<Output> outputs(2);

	group.emplace_back(SAMPLE_COPY, std::vector<std::uint64_t>{ handle, to, handle, 0, size });
	group.emplace_back(SAMPLE_COMPARE, std::vector<std::uint64_t>{ handle, to, handle, 0, size });
	device.submit(group);
	device.wait(outputs);
	bool copied = expect("copied", outputs[0], size);
	return expect("equal", outputs[1], size) && copied;
}

int main(int argc, char **argv)
try {
	Accelerator device(argc > 1 ? argv[1] : "sample0");
	Buffer buffer(device, 4096);
	const std::string text = "123456789";

	bool right = add_and_crc(device, buffer, text);
	return copy_and_compare(device, buffer, text.size()) && right ? 0 : 1;
} catch (const std::system_error &error) {
	std::cerr << "accelerator: " << error.what() << '\n';
	return 1;
}
