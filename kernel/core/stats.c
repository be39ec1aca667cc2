// SPDX-License-Identifier: GPL-2.0
/* What sessions have done, one by one and in all. */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/user_namespace.h>

#include "core.h"

void millrace_counters_add(struct millrace_counters *sum, const struct millrace_counters *c)
{
	sum->commands += millrace_load(&c->commands);
	sum->groups += millrace_load(&c->groups);
	sum->turns += millrace_load(&c->turns);
	sum->inlined += millrace_load(&c->inlined);
	sum->kicks += millrace_load(&c->kicks);
	sum->stalls += millrace_load(&c->stalls);
	sum->errors += millrace_load(&c->errors);
	sum->wakeups += millrace_load(&c->wakeups);
}

void millrace_node_total(struct millrace_node *node, struct millrace_counters *sum)
{
	struct millrace_file *file;
	unsigned long id;

	mutex_lock(&node->lock);
	*sum = node->past;
	xa_for_each(&node->files, id, file)
		millrace_counters_add(sum, &file->session.count);
	mutex_unlock(&node->lock);
}

static void fill_in(struct millrace_file *file, struct millrace_session_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->id = file->id;
	stats->pid = pid_vnr(file->pid);
	stats->uid = from_kuid_munged(current_user_ns(), file->uid);
	strscpy(stats->comm, file->comm, sizeof(stats->comm));
	millrace_session_stats(&file->session, stats);
}

int millrace_node_stats(struct millrace_node *node, struct millrace_session_stats *stats)
{
	struct millrace_file *file;
	unsigned long id = stats->id;
	int err = -ENOENT;

	if (id != stats->id)
		return -ENOENT; /* beyond what a 32-bit kernel counts to */
	mutex_lock(&node->lock);
	xa_for_each_start(&node->files, id, file, id) {
		if (!file->session.started)
			continue;
		fill_in(file, stats);
		err = 0;
		break;
	}
	mutex_unlock(&node->lock);
	return err;
}
