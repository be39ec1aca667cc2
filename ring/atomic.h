/* SPDX-License-Identifier: MIT */
/*
 * The few memory operations that rings need, under one name in the kernel and in user space.
 *
 * millrace_load, millrace_store	one access, not torn, not repeated; no order
 * millrace_load_acquire		later accesses stay behind it
 * millrace_store_release		earlier accesses stay before it
 * millrace_fence			full: orders earlier stores before later loads
 * millrace_relax			a hint inside a spinning loop
 * millrace_exchange, millrace_swap_if	atomic, full order
 */
#ifndef MILLRACE_RING_ATOMIC_H
#define MILLRACE_RING_ATOMIC_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/nospec.h>
#include <linux/prefetch.h>
#include <linux/processor.h>
#include <linux/types.h>
#include <asm/barrier.h>

#define millrace_load(p)		  READ_ONCE(*(p))
#define millrace_store(p, v)		  WRITE_ONCE(*(p), v)
#define millrace_load_acquire(p)	  smp_load_acquire(p)
#define millrace_store_release(p, v)	  smp_store_release(p, v)
#define millrace_fence()		  smp_mb()
#define millrace_relax()		  cpu_relax()
#define millrace_exchange(p, v)		  xchg(p, v)
#define millrace_swap_if(p, old, new)	  (cmpxchg(p, old, new) == (old))
#define millrace_prefetch(p)		  prefetch(p)
#define millrace_index_nospec(i, size)	  array_index_nospec(i, size)

#else

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define millrace_load(p)		  __atomic_load_n(p, __ATOMIC_RELAXED)
#define millrace_store(p, v)		  __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define millrace_load_acquire(p)	  __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define millrace_store_release(p, v)	  __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define millrace_exchange(p, v)		  __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define millrace_prefetch(p)		  __builtin_prefetch(p)
#define millrace_index_nospec(i, size)	  (i)

#define millrace_swap_if(p, old, new)                                                              \
	({                                                                                         \
		__typeof__(*(p)) millrace_old_ = (old);                                            \
		__atomic_compare_exchange_n(p, &millrace_old_, new, false, __ATOMIC_SEQ_CST,       \
					    __ATOMIC_SEQ_CST);                                     \
	})

/* A locked operation on the own stack costs half of what mfence does on x86. */
#if defined(__x86_64__)
#define millrace_fence() __asm__ volatile("lock; orl $0, -4(%%rsp)" ::: "memory", "cc")
#else
#define millrace_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#if defined(__x86_64__) || defined(__i386__)
#define millrace_relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define millrace_relax() __asm__ volatile("yield" ::: "memory")
#else
#define millrace_relax() __asm__ volatile("" ::: "memory")
#endif

#endif /* __KERNEL__ */
#endif
