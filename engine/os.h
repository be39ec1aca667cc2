/* SPDX-License-Identifier: MIT */
/*
 * What the engine needs of its surroundings, in the kernel and in a process: memory, a lock that may
 * be taken in an interrupt, logging of nothing. Everything else of a home is in home.h.
 */
#ifndef MILLRACE_ENGINE_OS_H
#define MILLRACE_ENGINE_OS_H

#ifdef __KERNEL__

#include <linux/container_of.h>
#include <linux/hrtimer.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

typedef spinlock_t millrace_lock_t;
#define millrace_lock_init(lock)	  spin_lock_init(lock)
#define millrace_lock_destroy(lock)	  ((void)(lock))
#define millrace_lock(lock, flags)	  spin_lock_irqsave(lock, flags)
#define millrace_unlock(lock, flags)	  spin_unlock_irqrestore(lock, flags)
#define millrace_assert_locked(lock)	  lockdep_assert_held(lock)
#define millrace_zalloc(count, size)	  kvcalloc(count, size, GFP_KERNEL_ACCOUNT)
#define millrace_free(p)		  kvfree(p)
#define millrace_page_size()		  ((__u32)PAGE_SIZE)

typedef refcount_t millrace_refs_t;
#define millrace_refs_init(refs) refcount_set(refs, 1)
#define millrace_refs_get(refs)	 refcount_inc(refs)
#define millrace_refs_put(refs)	 refcount_dec_and_test(refs)

/* What millrace_cmd_delay() needs for one command. */
struct millrace_delay {
	struct hrtimer timer;
	bool armed; /* the callback has not begun */
};

#else

#include <linux/types.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef pthread_mutex_t millrace_lock_t;
#define millrace_lock_init(lock)     pthread_mutex_init(lock, NULL)
#define millrace_lock_destroy(lock)  pthread_mutex_destroy(lock)
#define millrace_lock(lock, flags)   ((void)(flags), pthread_mutex_lock(lock))
#define millrace_unlock(lock, flags) ((void)(flags), pthread_mutex_unlock(lock))
#define millrace_assert_locked(lock) ((void)(lock))
#define millrace_zalloc(count, size) calloc(count, size)
#define millrace_free(p)	     free(p)
#define millrace_page_size()	     ((__u32)sysconf(_SC_PAGESIZE))

typedef unsigned int millrace_refs_t;
#define millrace_refs_init(refs) __atomic_store_n(refs, 1, __ATOMIC_RELAXED)
#define millrace_refs_get(refs)	 __atomic_fetch_add(refs, 1, __ATOMIC_RELAXED)
#define millrace_refs_put(refs)	 (__atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0)

/* What millrace_cmd_delay() needs for one command. */
struct millrace_delay {
	__u64 expires; /* ns, CLOCK_MONOTONIC */
	size_t place;  /* in the host's heap; 0: not in it */
};

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif

#endif /* __KERNEL__ */
#endif
