/* SPDX-License-Identifier: MIT */
/*
 * millrace/millrace.hpp - a device as a C++17 object; header-only, over libmillrace.
 *
 *	millrace::Accelerator device("sample0");
 *	millrace::Output sum, crc;
 *
 *	device.submit(millrace::Control(SAMPLE_ADD, {1, 2}),
 *		      millrace::Control(SAMPLE_CRC32C, {buffer.handle(), 0, size, 0}));
 *	device.wait(sum, crc);
 *	sum.outputs[0] == 3
 *
 * What is submitted by one call is one group: nothing of another session runs between its commands.
 * wait() gives outputs in the order of submission, whatever the order in which the device completed
 * the commands, and across calls of submit(): every command's output is waited for once.
 *
 * Errors of the path are thrown as std::system_error with the positive errno and
 * std::generic_category(); what they mean is in millrace/client.h and millrace/queue.h. The failure of
 * a single command is no exception: it is in Output::status. A call that throws has done nothing:
 * nothing of it was submitted, no output was taken, and it may be repeated (when the error is one
 * that passes, as ETIMEDOUT). Signals do not end a wait; they are waited through.
 *
 * Thread-safety: different Accelerators are independent. One Accelerator belongs to one thread at a
 * time. Buffers may be made and destroyed in any thread.
 *
 * Ownership: an Accelerator is one session and ends it when it is destroyed, but for this: its Buffers
 * share the session, and it stays open until the last of them is gone too. Controls are copied by
 * submit(). All types here can be moved from; what was moved from may only be destroyed or assigned to.
 */
#ifndef MILLRACE_MILLRACE_HPP
#define MILLRACE_MILLRACE_HPP

/* Flexible arrays, and functions named like structures: C's, and not this program's to be warned of. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include <millrace/millrace.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace {

/* A command: an operation and its parameters, as many as the device declares for it. */
struct Control {
	std::uint16_t opcode = 0;
	std::vector<std::uint64_t> params;

	Control() = default;
	explicit Control(std::uint16_t opcode_, std::initializer_list<std::uint64_t> params_ = {})
		: opcode(opcode_), params(params_)
	{
	}
	Control(std::uint16_t opcode_, std::vector<std::uint64_t> params_)
		: opcode(opcode_), params(std::move(params_))
	{
	}
};

/* What came of a command: 0 or its negative errno; its outputs, as many as the operation declares. */
struct Output {
	int status = 0;
	std::vector<std::uint64_t> outputs;
};

/* Absolute; CLOCK_MONOTONIC, as everywhere in Millrace. */
using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

namespace detail {

inline void check(int result, const char *what)
{
	if (result < 0)
		throw std::system_error(-result, std::generic_category(), what);
}

/* Deadline::max() waits without limit, a time before the clock's start looks once. */
inline std::uint64_t nanoseconds(Deadline deadline)
{
	using std::chrono::duration_cast;

	if (deadline == Deadline::max())
		return MILLRACE_FOREVER;
	auto ns = duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
	return ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
}

/* Now and @timeout, without overflow: a very long timeout is Deadline::max(). */
template <class Rep, class Period>
Deadline deadline_after(std::chrono::duration<Rep, Period> timeout)
{
	using Seconds = std::chrono::duration<double>;
	const Deadline now = Clock::now();

	if (Seconds(timeout) >= Seconds(Deadline::max() - now) * 0.5)
		return Deadline::max();
	return now + std::chrono::ceil<Clock::duration>(timeout);
}

struct Close {
	void operator()(millrace_client *client) const { millrace_client_close(client); }
};

} /* namespace detail */

/*
 * One session with a device, and its queue pair.
 *
 * Errors of the constructor: those of millrace_client_open() and millrace_queue_setup().
 */
class Accelerator {
public:
	/* @entries: commands and completions that have room at a time; a power of two; 0: 256, or as
	 * many as the device allows. @params may set more of the queue pair. */
	explicit Accelerator(const std::string &device = "sample0", std::uint32_t entries = 0)
		: Accelerator(device, params_of(entries))
	{
	}

	Accelerator(const std::string &device, millrace_queue_params params)
	{
		millrace_client *client = nullptr;

		detail::check(millrace_client_open(device.c_str(), &client), device.c_str());
		client_ = std::shared_ptr<millrace_client>(client, detail::Close());
		if (!params.entries)
			params.entries = std::min<std::uint32_t>(256, info().max_entries);
		detail::check(millrace_queue_setup(client, &params), "millrace_queue_setup");
		load_operations();
		room_ = std::min(params.entries, params.cq_entries ? params.cq_entries : params.entries);
	}

	Accelerator(const Accelerator &) = delete;
	Accelerator &operator=(const Accelerator &) = delete;
	Accelerator(Accelerator &&) noexcept = default;
	Accelerator &operator=(Accelerator &&) noexcept = default;
	~Accelerator() = default;

	/*
	 * Submits one or more commands as one group. Returns when they are in the ring, which takes
	 * a while when that is full; completions that come meanwhile are kept for wait().
	 *
	 * E2BIG: more commands than max_group(). EINVAL: an opcode that the device does not have, or
	 * another number of parameters than it declares. ENODEV, EPROTO: the session has ended.
	 */
	template <class... Controls,
		  std::enable_if_t<(sizeof...(Controls) > 0) &&
					   (std::is_same_v<Controls, Control> && ...), int> = 0>
	void submit(const Controls &...controls)
	{
		submit_until(Deadline::max(), controls...);
	}

	/* The same for the commands of a vector; an empty one submits nothing. */
	void submit(const std::vector<Control> &controls)
	{
		submit_until(Deadline::max(), controls);
	}

	/* With a limit to the waiting for room. ETIMEDOUT: nothing was submitted. */
	template <class... Controls,
		  std::enable_if_t<(sizeof...(Controls) > 0) &&
					   (std::is_same_v<Controls, Control> && ...), int> = 0>
	void submit_until(Deadline deadline, const Controls &...controls)
	{
		const std::array<const Control *, sizeof...(Controls)> group{ &controls... };

		submit_group(group.data(), group.size(), deadline);
	}

	void submit_until(Deadline deadline, const std::vector<Control> &controls)
	{
		std::vector<const Control *> group;

		group.reserve(controls.size());
		for (const Control &control : controls)
			group.push_back(&control);
		submit_group(group.data(), group.size(), deadline);
	}

	/*
	 * Blocks until the next commands, one for each output, have completed, and fills the outputs
	 * in the order in which the commands were submitted.
	 *
	 * EINVAL: there are fewer commands than that to wait for. ENODEV, EPROTO: the session ended
	 * before they completed.
	 */
	template <class... Outputs,
		  std::enable_if_t<(sizeof...(Outputs) > 0) &&
					   (std::is_same_v<Outputs, Output> && ...), int> = 0>
	void wait(Outputs &...outputs)
	{
		wait_until(Deadline::max(), outputs...);
	}

	/* The same for as many commands as the vector has elements. */
	void wait(std::vector<Output> &outputs) { wait_until(Deadline::max(), outputs); }

	/* With a limit. ETIMEDOUT: not all had completed, and no output was taken. */
	template <class... Outputs,
		  std::enable_if_t<(sizeof...(Outputs) > 0) &&
					   (std::is_same_v<Outputs, Output> && ...), int> = 0>
	void wait_until(Deadline deadline, Outputs &...outputs)
	{
		complete(sizeof...(Outputs), deadline);
		(take(outputs), ...);
	}

	void wait_until(Deadline deadline, std::vector<Output> &outputs)
	{
		complete(outputs.size(), deadline);
		for (Output &output : outputs)
			take(output);
	}

	template <class Rep, class Period, class... Outputs>
	void wait_for(std::chrono::duration<Rep, Period> timeout, Outputs &...outputs)
	{
		wait_until(detail::deadline_after(timeout), outputs...);
	}

	/* Commands submitted whose outputs have not been waited for. */
	std::size_t pending() const noexcept { return pending_.size(); }

	/* The most commands that one submit() takes. */
	std::size_t max_group() const { return std::min<std::size_t>(info().max_group, room_); }

	/* What the device is and allows. */
	const millrace_info &info() const { return *millrace_client_info(client_.get()); }

	/* For calls of libmillrace; not to be closed, its queue pair is this object's. */
	millrace_client *get() const noexcept { return client_.get(); }

private:
	friend class Buffer;

	struct Operation {
		std::uint16_t opcode;
		std::uint8_t params, outputs;
	};

	/* A command on its way, or completed and not waited for. */
	struct Pending {
		std::uint8_t outputs;
		bool done = false;
		Output output;
	};

	std::shared_ptr<millrace_client> client_;
	std::vector<Operation> operations_; /* by opcode */
	std::size_t room_ = 0;		    /* commands in the rings at a time */
	std::deque<Pending> pending_;	    /* in the order of submission */
	std::uint64_t first_ = 0;	    /* the sequence number (user_data) of its front */
	std::size_t done_ = 0;		    /* from the front on without a gap */

	static millrace_queue_params params_of(std::uint32_t entries)
	{
		millrace_queue_params params{};

		params.entries = entries;
		return params;
	}

	void load_operations()
	{
		for (unsigned int i = 0; i < info().ops; i++) {
			millrace_op_info op{};

			detail::check(millrace_client_op(get(), i, &op), "millrace_client_op");
			operations_.push_back({ op.opcode, op.params, op.outputs });
		}
		std::sort(operations_.begin(), operations_.end(),
			  [](const Operation &a, const Operation &b) { return a.opcode < b.opcode; });
	}

	const Operation &operation(const Control &control) const
	{
		auto found = std::lower_bound(
			operations_.begin(), operations_.end(), control.opcode,
			[](const Operation &op, std::uint16_t opcode) { return op.opcode < opcode; });

		if (found == operations_.end() || found->opcode != control.opcode)
			detail::check(-EINVAL, "the device has no such operation");
		if (control.params.size() != found->params)
			detail::check(-EINVAL, "number of parameters");
		return *found;
	}

	void submit_group(const Control *const *group, std::size_t n, Deadline deadline)
	{
		const std::uint64_t sequence = first_ + pending_.size();
		const std::size_t before = pending_.size();

		if (!n)
			return;
		if (n > max_group())
			detail::check(-E2BIG, "submit");
		/* Its place first, so that no completion is ever without one; taken back on failure. */
		try {
			for (std::size_t i = 0; i < n; i++) {
				Pending pending{ operation(*group[i]).outputs, false, {} };

				pending.output.outputs.resize(pending.outputs);
				pending_.push_back(std::move(pending));
			}
			publish(group, n, sequence, deadline);
		} catch (...) {
			millrace_queue_abandon(get());
			pending_.resize(before);
			throw;
		}
	}

	void publish(const Control *const *group, std::size_t n, std::uint64_t sequence,
		     Deadline deadline)
	{
		millrace_slots sq;

		reserve(static_cast<std::uint32_t>(n), deadline, &sq);
		for (std::size_t i = 0; i < n; i++) {
			struct millrace_sqe *sqe =
				millrace_sqe(&sq, static_cast<std::uint32_t>(i));

			millrace_sqe_prepare(sqe, group[i]->opcode, sequence + i);
			std::copy(group[i]->params.begin(), group[i]->params.end(), sqe->param);
		}
		detail::check(millrace_queue_submit(get()), "submit");
	}

	/* Back-pressure: when there is no room, completions are put aside until there is. */
	void reserve(std::uint32_t n, Deadline deadline, millrace_slots *sq)
	{
		for (;;) {
			int ret = millrace_queue_reserve_group(get(), n, sq);

			if (ret != -EAGAIN) {
				detail::check(ret, "submit");
				return;
			}
			collect(1, deadline, "submit");
		}
	}

	/* Waits for @min completions and puts all that are there aside. */
	void collect(std::size_t min, Deadline deadline, const char *what)
	{
		const std::uint64_t ns = detail::nanoseconds(deadline);
		millrace_slots cq;
		int ret, n;

		do
			ret = millrace_queue_wait(get(), static_cast<std::uint32_t>(min), ns);
		while (ret == -EINTR);
		n = millrace_queue_peek(get(), &cq);
		for (int i = 0; i < n; i++)
			keep(millrace_cqe(&cq, static_cast<std::uint32_t>(i)));
		if (n > 0)
			millrace_queue_release(get(), static_cast<std::uint32_t>(n));
		while (done_ < pending_.size() && pending_[done_].done)
			done_++;
		detail::check(n, what);
		if (n == 0 || ret == -ETIMEDOUT)
			detail::check(ret, what);
	}

	void keep(const struct millrace_cqe *cqe) noexcept
	{
		const std::uint64_t place = cqe->user_data - first_;

		if (place >= pending_.size() || pending_[place].done)
			return; /* not ours: somebody used get() to submit */
		Pending &pending = pending_[place];
		pending.done = true;
		pending.output.status = cqe->status;
		std::copy_n(cqe->output, pending.outputs, pending.output.outputs.begin());
	}

	void complete(std::size_t n, Deadline deadline)
	{
		if (n > pending_.size())
			detail::check(-EINVAL, "wait: more outputs than commands");
		/* All that are missing at once, so that this sleeps once; what came early is done. */
		while (done_ < n) {
			std::size_t missing = 0;

			for (std::size_t i = done_; i < n; i++)
				missing += !pending_[i].done;
			collect(std::min(missing, room_), deadline, "wait");
		}
	}

	void take(Output &output) noexcept
	{
		output = std::move(pending_.front().output);
		pending_.pop_front();
		first_++;
		done_--;
	}
};

/*
 * Memory that the application, the driver and the device share: see millrace/buffer.h, also for the
 * errors. Commands name it by handle(), an offset and a size. It must not be destroyed while commands
 * use it whose result matters.
 */
class Buffer {
public:
	/* Memory made by the driver's home, zeroed, of at least @size bytes. */
	Buffer(const Accelerator &device, std::size_t size) : client_(device.client_)
	{
		detail::check(millrace_buffer_create(client_.get(), size, &memory_),
			      "millrace_buffer_create");
	}

	/* Memory of the caller's own, in whole pages; it outlives this object and is not freed by it. */
	Buffer(const Accelerator &device, void *data, std::size_t size) : client_(device.client_)
	{
		detail::check(millrace_buffer_register(client_.get(), data, size, &memory_),
			      "millrace_buffer_register");
	}

	Buffer(const Buffer &) = delete;
	Buffer &operator=(const Buffer &) = delete;
	Buffer(Buffer &&other) noexcept
		: client_(std::move(other.client_)), memory_(std::exchange(other.memory_, {}))
	{
	}
	Buffer &operator=(Buffer &&other) noexcept
	{
		Buffer(std::move(other)).swap(*this);
		return *this;
	}
	~Buffer()
	{
		if (client_)
			millrace_buffer_free(client_.get(), &memory_);
	}

	void *data() const noexcept { return memory_.data; }
	std::size_t size() const noexcept { return memory_.size; }
	std::uint32_t handle() const noexcept { return memory_.handle; }

private:
	std::shared_ptr<millrace_client> client_;
	millrace_memory memory_{};

	void swap(Buffer &other) noexcept
	{
		std::swap(client_, other.client_);
		std::swap(memory_, other.memory_);
	}
};

} /* namespace millrace */

#endif
