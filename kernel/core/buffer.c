// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: pages that the home makes, or the client's own, pinned.
 *
 * The engine may drop the last reference in an interrupt, so destruction is left to a work queue;
 * where the caller may sleep and takes no lock it is done at once. close() waits for all of it.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "core.h"

struct page_buffer {
	struct millrace_buffer buffer;
	struct millrace_memory memory;
	struct millrace_file *file;
	struct mm_struct *mm; /* whose pages they are, a reference; NULL: the home's own */
	struct work_struct work;
};

static struct workqueue_struct *destroyer;

static struct page_buffer *page_buffer(struct millrace_buffer *b)
{
	return container_of(b, struct page_buffer, buffer);
}

static void unpin(struct page_buffer *pb)
{
	struct millrace_memory *m = &pb->memory;

	if (m->data)
		vunmap(m->data);
	if (m->count)
		unpin_user_pages_dirty_lock(m->page, m->count, true);
	kvfree(m->page);
}

/* The file may go as soon as the count is 0; wake_up_var() needs no more than its address. */
static void forget(struct millrace_file *file)
{
	if (atomic_dec_and_test(&file->buffers))
		wake_up_var(&file->buffers);
}

static void destroy_now(struct page_buffer *pb)
{
	struct millrace_file *file = pb->file;

	if (pb->mm) {
		unpin(pb);
		account_locked_vm(pb->mm, pb->buffer.size >> PAGE_SHIFT, false);
		mmdrop(pb->mm);
	} else {
		millrace_memory_free(&pb->memory);
	}
	kfree(pb);
	forget(file);
}

static void destroy_work(struct work_struct *work)
{
	destroy_now(container_of(work, struct page_buffer, work));
}

static void destroy(struct millrace_buffer *b)
{
	queue_work(destroyer, &page_buffer(b)->work);
}

/* As millrace_buffer_put(), for callers who may sleep and hold nothing. */
static void put_now(struct millrace_buffer *b)
{
	if (millrace_refs_put(&b->refs))
		destroy_now(page_buffer(b));
}

static struct page_buffer *alloc_buffer(struct millrace_file *file, u64 size)
{
	struct page_buffer *pb = kzalloc(sizeof(*pb), GFP_KERNEL_ACCOUNT);

	if (!pb)
		return NULL;
	millrace_refs_init(&pb->buffer.refs);
	pb->buffer.size = size;
	pb->buffer.destroy = destroy;
	pb->file = file;
	INIT_WORK(&pb->work, destroy_work);
	atomic_inc(&file->buffers);
	return pb;
}

static void free_unused(struct page_buffer *pb)
{
	struct millrace_file *file = pb->file;

	kfree(pb);
	forget(file);
}

static int insert(struct millrace_file *file, struct page_buffer *pb, u32 *handle)
{
	int err = -ENODEV;

	pb->buffer.data = pb->memory.data;
	mutex_lock(&file->table_lock);
	if (!file->closed)
		err = millrace_buffer_insert(&file->session.buffers, &pb->buffer, handle);
	mutex_unlock(&file->table_lock);
	return err;
}

/* Takes a handle out of the table and returns the buffer, with the table's reference, or NULL. */
static struct millrace_buffer *take_out(struct millrace_file *file, u32 handle)
{
	struct millrace_buffer_table *table = &file->session.buffers;
	struct millrace_buffer *b = NULL;

	mutex_lock(&file->table_lock);
	if (!file->closed)
		b = millrace_buffer_get(table, handle);
	if (b)
		millrace_buffer_remove(table, handle);
	mutex_unlock(&file->table_lock);
	return b;
}

/*
 * Gives the buffer its handle and tells the client, or undoes all. Once it has its handle it may be gone:
 * another thread of the client can have guessed it.
 */
static int hand_out(struct millrace_file *file, struct page_buffer *pb,
		    struct millrace_buffer_request *req,
		    struct millrace_buffer_request __user *arg)
{
	bool made_here = !pb->mm;
	struct millrace_buffer *b;
	int err;

	err = insert(file, pb, &req->handle);
	if (err) {
		put_now(&pb->buffer);
		return err;
	}
	if (made_here)
		req->offset = (u64)req->handle << MILLRACE_BUFFER_SHIFT;
	if (!copy_to_user(arg, req, sizeof(*req)))
		return 0;
	b = take_out(file, req->handle);
	if (b)
		put_now(b);
	return -EFAULT;
}

static int read_request(struct millrace_buffer_request *req,
			const struct millrace_buffer_request __user *arg)
{
	if (copy_from_user(req, arg, sizeof(*req)))
		return -EFAULT;
	return req->flags || req->reserved || req->offset ? -EINVAL : 0;
}

static bool size_valid(const struct millrace_file *file, u64 size)
{
	return size && size <= file->session.device->max_buffer_size &&
	       size >> PAGE_SHIFT <= INT_MAX;
}

int millrace_buffer_create(struct millrace_file *file, struct millrace_buffer_request __user *arg)
{
	struct millrace_buffer_request req;
	struct page_buffer *pb;
	int err;

	err = read_request(&req, arg);
	if (err)
		return err;
	if (req.handle || req.address || !size_valid(file, req.size))
		return -EINVAL;
	req.size = PAGE_ALIGN(req.size);
	if (!millrace_buffers_allow(&file->session.buffers, req.size))
		return -ENOMEM;
	pb = alloc_buffer(file, req.size);
	if (!pb)
		return -ENOMEM;
	err = millrace_memory_alloc(&pb->memory, req.size);
	if (err) {
		free_unused(pb);
		return err;
	}
	return hand_out(file, pb, &req, arg);
}

/* Only memory that is the client's alone: no page cache is pinned, nobody else's pages written. */
static int check_anonymous(const struct millrace_memory *m)
{
	unsigned long i;

	for (i = 0; i < m->count; i++)
		if (!PageAnon(m->page[i]))
			return -EOPNOTSUPP;
	return 0;
}

static int pin(struct millrace_memory *m, unsigned long address, unsigned long count)
{
	long got;

	m->page = kvcalloc(count, sizeof(m->page[0]), GFP_KERNEL_ACCOUNT);
	if (!m->page)
		return -ENOMEM;
	got = pin_user_pages_fast(address, count, FOLL_WRITE | FOLL_LONGTERM, m->page);
	if (got < 0)
		return got;
	m->count = got;
	if (got < count)
		return -EFAULT;
	return check_anonymous(m) ?: millrace_memory_vmap(m);
}

static struct page_buffer *pin_buffer(struct millrace_file *file, u64 address, u64 size)
{
	struct page_buffer *pb = alloc_buffer(file, size);
	int err;

	if (!pb)
		return ERR_PTR(-ENOMEM);
	err = account_locked_vm(current->mm, size >> PAGE_SHIFT, true);
	if (err) {
		free_unused(pb);
		return ERR_PTR(err);
	}
	mmgrab(current->mm);
	pb->mm = current->mm;
	err = pin(&pb->memory, address, size >> PAGE_SHIFT);
	if (!err)
		return pb;
	put_now(&pb->buffer);
	return ERR_PTR(err);
}

int millrace_buffer_register(struct millrace_file *file,
			     struct millrace_buffer_request __user *arg)
{
	struct millrace_buffer_request req;
	struct page_buffer *pb;
	int err;

	err = read_request(&req, arg);
	if (err)
		return err;
	if (req.handle || !size_valid(file, req.size) ||
	    !PAGE_ALIGNED(req.size) || !PAGE_ALIGNED(req.address))
		return -EINVAL;
	if (req.address != (unsigned long)req.address)
		return -EFAULT;
	pb = pin_buffer(file, req.address, req.size);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	return hand_out(file, pb, &req, arg);
}

int millrace_buffer_free(struct millrace_file *file,
			 const struct millrace_buffer_request __user *arg)
{
	struct millrace_buffer_request req;
	struct millrace_buffer *b;
	int err;

	err = read_request(&req, arg);
	if (err)
		return err;
	if (req.size || req.address)
		return -EINVAL;
	b = take_out(file, req.handle);
	if (!b)
		return -ENOENT;
	put_now(b);
	return 0;
}

int millrace_buffer_mmap(struct millrace_file *file, u64 handle, struct vm_area_struct *vma)
{
	struct millrace_buffer *b = NULL;
	int err = -EINVAL;

	mutex_lock(&file->table_lock);
	if (!file->closed)
		b = millrace_buffer_get(&file->session.buffers, handle);
	mutex_unlock(&file->table_lock);
	if (!b)
		return -EINVAL;
	if (!page_buffer(b)->mm)
		err = millrace_memory_mmap(&page_buffer(b)->memory, vma);
	/* Not put_now(): mmap_lock is held. */
	millrace_buffer_put(b);
	return err;
}

void millrace_buffers_wait(struct millrace_file *file)
{
	wait_var_event(&file->buffers, !atomic_read(&file->buffers));
}

int millrace_buffers_setup(void)
{
	destroyer = alloc_workqueue("millrace", WQ_UNBOUND, 0);
	return destroyer ? 0 : -ENOMEM;
}

void millrace_buffers_cleanup(void)
{
	destroy_workqueue(destroyer);
}
