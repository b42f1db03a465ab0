/* SPDX-License-Identifier: MIT */
#include "lib/runner/members.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/runner/process.h"
#include "lib/runner/shape.h"

/* By number: the C library knows them from version 2.36 on. */
static int
open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void
signal_pidfd(int fd, int number)
{
	(void)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

void
members_init(struct members *m)
{
	memset(m, 0, sizeof *m);
}

void
members_free(struct members *m)
{
	for (unsigned i = 0; i < m->joined.n; i++)
		if (m->fd[i] >= 0)
			(void)close(m->fd[i]);
	members_init(m);
}

/* Joined last time already: the process is known, whatever the folder says now. */
static bool
is_known(const struct members *m, const struct stage *s)
{
	return shape_find(&m->joined, s->id) >= 0;
}

int
members_update(struct members *m, const struct os *os, const char *dir,
    uint64_t generation, struct error *error)
{
	static struct topology
	    all; /* 80 KiB: not on the stack; one process, one runner */

	if (epoch_read_members(os, dir, generation, &all, error) != 0)
		return -1;
	for (unsigned i = 0; i < all.n; i++) {
		unsigned at = m->joined.n;
		int fd;

		if (is_known(m, &all.stage[i]))
			continue;
		fd = open_pidfd((pid_t)all.stage[i].pid);
		if (fd < 0 && errno != ESRCH)
			return error_set(error, "cannot watch process %d: %s",
			    (int)all.stage[i].pid, strerror(errno));
		m->joined.stage[at] = all.stage[i];
		m->fd[at] = fd;
		m->dead[at] = m->done[at] = false;
		m->joined.n++;
	}
	return 0;
}

static int
look_at_done(struct members *m, unsigned i, const struct os *os, const char *dir,
    uint64_t generation, struct error *error)
{
	struct done done;

	if (epoch_read_done(os, dir, m->joined.stage[i].id, &done, error) < 0)
		return -1;
	m->done[i] = done.generation == generation;
	m->rejecting = m->rejecting || (m->done[i] && done.rejecting);
	return 0;
}

int
members_look(struct members *m, const struct os *os, const char *dir,
    uint64_t generation, struct error *error)
{
	int bad = 0;

	for (unsigned i = 0; i < m->joined.n; i++) {
		struct pollfd p = { .fd = m->fd[i], .events = POLLIN };

		if (!m->dead[i] && (p.fd < 0 || poll(&p, 1, 0) > 0)) {
			if (look_at_done(m, i, os, dir, generation, error) != 0)
				return -1;
			m->dead[i] = true;
			if (m->fd[i] >= 0)
				(void)close(m->fd[i]);
			m->fd[i] = -1;
		}
		bad += m->dead[i] && !m->done[i];
	}
	return bad;
}

unsigned
members_alive(const struct members *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->joined.n; i++)
		n += !m->dead[i];
	return n;
}

bool
members_sources_ended(const struct members *m)
{
	for (unsigned i = 0; i < m->joined.n; i++)
		if (m->joined.stage[i].source && !m->dead[i])
			return false;
	return true;
}

void
members_signal(const struct members *m, int number, bool sources)
{
	for (unsigned i = 0; i < m->joined.n; i++)
		if (m->fd[i] >= 0 && (!sources || m->joined.stage[i].source))
			signal_pidfd(m->fd[i], number);
}

uint64_t
members_moved(const struct members *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->joined.n; i++)
		if (!m->dead[i])
			sum += process_moved((pid_t)m->joined.stage[i].pid);
	return sum;
}

unsigned
members_poll(const struct members *m, struct pollfd *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->joined.n; i++)
		if (m->fd[i] >= 0)
			to[n++] = (struct pollfd){ .fd = m->fd[i], .events = POLLIN };
	return n;
}
