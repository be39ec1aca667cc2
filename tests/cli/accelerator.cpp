// SPDX-License-Identifier: MIT
/* TAP: the C++ class, against the device named on the command line. */
#include <millrace/millrace.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "sample.h"

using namespace millrace;
using namespace std::chrono_literals;

static std::string device;
static unsigned int number;
static bool failed;

static void check(const char *what, bool ok)
{
	std::printf("%sok %u - %s\n", ok ? "" : "not ", ++number, what);
	failed |= !ok;
}

/* The errno with which @call throws; 0 when it does not. */
static int thrown(const std::function<void()> &call)
{
	try {
		call();
	} catch (const std::system_error &error) {
		return error.code().category() == std::generic_category() ? error.code().value() : -1;
	}
	return 0;
}

static Control add(std::uint64_t a, std::uint64_t b)
{
	return Control(SAMPLE_ADD, { a, b });
}

static Control delay(std::chrono::nanoseconds ns)
{
	return Control(SAMPLE_DELAY, { static_cast<std::uint64_t>(ns.count()) });
}

static void test_order()
{
	Accelerator a(device);
	Output x, y, z;
	std::vector<Output> rest(2);

	a.submit(delay(30ms), add(1, 1));
	a.submit(add(2, 2));
	a.submit(std::vector<Control>{ delay(10ms), add(3, 3) });
	check("five commands are pending", a.pending() == 5);
	a.wait(x, y, z);
	check("a delay that completes last is given first", x.status == 0 && x.outputs[0] >= 30000000);
	check("the others follow in the order of submission", y.outputs[0] == 2 && z.outputs[0] == 4);
	a.wait(rest);
	check("a vector across groups", rest[0].outputs[0] >= 10000000 && rest[1].outputs[0] == 6);
	check("none is pending", a.pending() == 0);
}

static void test_back_pressure()
{
	Accelerator a(device, 8);
	std::vector<Output> outputs(1000);
	std::uint64_t i;
	bool right = true;

	for (i = 0; i < outputs.size(); i++)
		i % 100 ? a.submit(add(i, 1)) : a.submit(delay(1ms));
	a.wait(outputs);
	for (i = 0; i < outputs.size(); i++)
		right &= outputs[i].status == 0 &&
			 (i % 100 ? outputs[i].outputs[0] == i + 1 : outputs[i].outputs[0] >= 1000000);
	check("1000 commands through 8 entries, some out of order", right);

	a.submit(std::vector<Control>(8, delay(50ms)));
	check("no room until a deadline: ETIMEDOUT",
	      thrown([&] { a.submit_until(Clock::now() + 5ms, add(1, 1)); }) == ETIMEDOUT);
	check("and nothing was submitted", a.pending() == 8);
	std::vector<Output> eight(8);
	a.wait(eight);
	check("the others come", eight[7].status == 0 && a.pending() == 0);
}

static void test_deadlines()
{
	Accelerator a(device);
	Output x, y;

	x.status = 77;
	a.submit(add(1, 2), delay(100ms));
	check("wait_for that is too short: ETIMEDOUT",
	      thrown([&] { a.wait_for(1ms, x, y); }) == ETIMEDOUT);
	check("no output was taken", x.status == 77 && a.pending() == 2);
	check("a deadline in the past: ETIMEDOUT",
	      thrown([&] { a.wait_until(Clock::now() - 1h, x, y); }) == ETIMEDOUT);
	a.wait_for(1000h * 1000000, x, y);
	check("waiting again, with a very long limit", x.outputs[0] == 3 && y.status == 0);
}

static void test_errors()
{
	Accelerator a(device, 16);
	Output x;

	check("no such device: ENOENT", thrown([] { Accelerator("nothing0"); }) == ENOENT);
	check("entries not a power of two: EINVAL", thrown([] { Accelerator(device, 3); }) == EINVAL);
	check("more outputs than commands: EINVAL", thrown([&] { a.wait(x); }) == EINVAL);
	check("unknown opcode: EINVAL", thrown([&] { a.submit(add(1, 2), Control(200)); }) == EINVAL);
	check("too many parameters: EINVAL",
	      thrown([&] {
		      a.submit(Control(SAMPLE_ADD, std::vector<std::uint64_t>(1000, 1)));
	      }) == EINVAL);
	check("too few parameters: EINVAL", thrown([&] { a.submit(Control(SAMPLE_ADD, { 1 })); }) == EINVAL);
	check("a group longer than the ring: E2BIG",
	      thrown([&] { a.submit(std::vector<Control>(a.max_group() + 1, add(1, 1))); }) == E2BIG);
	check("all of these submitted nothing", a.pending() == 0);
	a.submit(std::vector<Control>());
	check("an empty vector neither", a.pending() == 0);
	std::vector<Output> most(a.max_group());
	a.submit(std::vector<Control>(a.max_group(), add(20, 1)));
	a.wait(most);
	check("the longest group", most.back().outputs[0] == 21);
	a.submit(Control(SAMPLE_FAIL, { static_cast<std::uint64_t>(-EILSEQ) }));
	a.wait(x);
	check("a command's own failure is its status", x.status == -EILSEQ);
}

static void test_buffers()
{
	Accelerator a(device);
	void *own = std::aligned_alloc(4096, 8192);
	Output x, y;

	std::memset(own, 'x', 8192);
	{
		Buffer made(a, 5000), pages(a, own, 8192);

		check("a size is rounded up to pages", made.size() == 8192 && made.handle());
		a.submit(Control(SAMPLE_COPY, { made.handle(), 0, pages.handle(), 4096, 4096 }),
			 Control(SAMPLE_FILL, { pages.handle(), 0, 16, 'y' }));
		a.wait(x, y);
		check("copied from the caller's memory to the home's",
		      x.status == 0 && static_cast<char *>(made.data())[4095] == 'x');
		Buffer moved(std::move(made));
		made = std::move(moved);
		check("a buffer can be moved", made.handle() && !moved.handle() && !moved.data());
		check("no buffer of no size: EINVAL", thrown([&] { Buffer(a, 0); }) == EINVAL);
	}
	check("registered memory outlives its buffer", !std::memcmp(own, "yyyyyyyyyyyyyyyyx", 17));
	std::free(own);
}

static void test_ownership()
{
	auto a = std::make_unique<Accelerator>(device);
	Output x;

	a->submit(add(4, 5));
	Accelerator b(std::move(*a));
	a.reset();
	b.wait(x);
	check("a moved object goes on with what was submitted", x.outputs[0] == 9);
	Accelerator c(device);
	c.submit(add(1, 1));
	c = std::move(b);
	c.submit(add(2, 3));
	c.wait(x);
	check("and can be assigned to another", x.outputs[0] == 5);
	auto d = std::make_unique<Accelerator>(device);
	Buffer buffer(*d, 4096);
	d.reset();
	std::memset(buffer.data(), 1, buffer.size());
	check("a buffer keeps its session open", true);
	static_assert(!std::is_copy_constructible_v<Accelerator> &&
		      !std::is_copy_assignable_v<Accelerator> &&
		      std::is_nothrow_move_constructible_v<Accelerator> &&
		      std::is_nothrow_move_assignable_v<Accelerator>);
	static_assert(!std::is_copy_constructible_v<Buffer> &&
		      std::is_nothrow_move_constructible_v<Buffer> &&
		      std::is_nothrow_move_assignable_v<Buffer>);
}

int main(int argc, char **argv)
try {
	device = argc > 1 ? argv[1] : "local:sample";
	test_order();
	test_back_pressure();
	test_deadlines();
	test_errors();
	test_buffers();
	test_ownership();
	std::printf("1..%u\n", number);
	return failed;
} catch (const std::exception &error) {
	std::printf("Bail out! %s\n", error.what());
	return 1;
}
