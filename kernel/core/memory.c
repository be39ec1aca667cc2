// SPDX-License-Identifier: GPL-2.0
/* Memory that the home makes and the client maps: the areas of a queue pair, and buffers. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "core.h"

/* Charged to the caller's cgroup. Rather no memory than the OOM killer: the caller can be told. */
#define GFP_AREA (GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

int millrace_memory_vmap(struct millrace_memory *m)
{
	m->data = vmap(m->page, m->count, VM_MAP, PAGE_KERNEL);
	return m->data ? 0 : -ENOMEM;
}

static int alloc_pages_of(struct millrace_memory *m, unsigned long count)
{
	for (m->count = 0; m->count < count; m->count++) {
		m->page[m->count] = alloc_page(GFP_AREA);
		if (!m->page[m->count] || fatal_signal_pending(current)) {
			m->count += !!m->page[m->count];
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

int millrace_memory_alloc(struct millrace_memory *m, u64 size)
{
	unsigned long count = size >> PAGE_SHIFT;
	int err;

	*m = (struct millrace_memory){};
	m->page = kvcalloc(count, sizeof(m->page[0]), GFP_KERNEL_ACCOUNT);
	if (!m->page)
		return -ENOMEM;
	err = alloc_pages_of(m, count);
	if (!err)
		err = millrace_memory_vmap(m);
	if (err)
		millrace_memory_free(m);
	return err;
}

/* Pages that are still mapped by a client live on until they are not. */
void millrace_memory_free(struct millrace_memory *m)
{
	unsigned long i;

	if (m->data)
		vunmap(m->data);
	for (i = 0; i < m->count; i++)
		put_page(m->page[i]);
	kvfree(m->page);
	*m = (struct millrace_memory){};
}

/*
 * A mapping starts where the memory does and is not longer. It is not inherited: a child would
 * share the session's indices with its parent, and neither could keep the rings' rules.
 */
int millrace_memory_mmap(const struct millrace_memory *m, struct vm_area_struct *vma)
{
	unsigned long count = vma_pages(vma);

	if (count > m->count || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP, 0);
	return vm_insert_pages(vma, vma->vm_start, m->page, &count);
}

/* The area that only the home writes: not now, and not by mprotect() or ptrace later. */
static int map_driver_area(const struct millrace_memory *m, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_mod(vma, 0, VM_MAYWRITE);
	return millrace_memory_mmap(m, vma);
}

int millrace_file_mmap(struct file *f, struct vm_area_struct *vma)
{
	struct millrace_file *file = f->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (millrace_load(&file->session.error) == MILLRACE_ERROR_GONE)
		return -ENODEV;
	if (offset >> MILLRACE_BUFFER_SHIFT) {
		if ((u32)offset)
			return -EINVAL;
		return millrace_buffer_mmap(file, offset >> MILLRACE_BUFFER_SHIFT, vma);
	}
	if (!millrace_load_acquire(&file->session.started))
		return -EINVAL;
	if (offset == MILLRACE_CLIENT_OFFSET)
		return millrace_memory_mmap(&file->client, vma);
	if (offset == MILLRACE_DRIVER_OFFSET)
		return map_driver_area(&file->driver, vma);
	return -EINVAL;
}
