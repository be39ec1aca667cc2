// SPDX-License-Identifier: GPL-2.0
/* debugfs: millrace/<device>/sessions, a table of all that is open. For debugging, by root. */
#include <linux/debugfs.h>
#include <linux/pid.h>
#include <linux/seq_file.h>

#include "core.h"

static struct dentry *root;

static void show_file(struct seq_file *m, struct millrace_file *file)
{
	const struct millrace_place *place = &file->session.place;
	struct millrace_session_stats s = {};

	millrace_session_stats(&file->session, &s);
	seq_printf(m, "%lu %d %s %u %u %u %u %c%c%c %llu %llu %llu %llu %llu %llu %llu %llu %u %llu\n",
		   file->id, pid_nr(file->pid), file->comm, s.error, s.sq_depth, s.in_flight,
		   s.cq_depth, millrace_load(&place->is_kicked) ? 'k' : '-',
		   data_race(place->is_ready) ? 'r' : '-', data_race(place->is_hot) ? 'h' : '-',
		   s.commands, s.groups, s.turns, s.inlined, s.kicks, s.wakeups, s.stalls, s.errors,
		   s.buffers, s.buffer_bytes);
}

static int sessions_show(struct seq_file *m, void *unused)
{
	struct millrace_node *node = m->private;
	struct millrace_file *file;
	unsigned long id;

	seq_puts(m, "id pid comm error sq_depth in_flight cq_depth place commands groups turns");
	seq_puts(m, " inlined kicks wakeups stalls errors buffers buffer_bytes\n");
	mutex_lock(&node->lock);
	xa_for_each(&node->files, id, file)
		show_file(m, file);
	mutex_unlock(&node->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sessions);

void millrace_debugfs_add(struct millrace_node *node)
{
	node->debugfs = debugfs_create_dir(node->device.name, root);
	debugfs_create_file("sessions", 0400, node->debugfs, node, &sessions_fops);
}

void millrace_debugfs_remove(struct millrace_node *node)
{
	debugfs_remove_recursive(node->debugfs);
}

void millrace_debugfs_setup(void)
{
	root = debugfs_create_dir("millrace", NULL);
}

void millrace_debugfs_cleanup(void)
{
	debugfs_remove_recursive(root);
}
