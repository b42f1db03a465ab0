/* SPDX-License-Identifier: MIT
 *
 * After start a filter needs few system calls: to read, write, wait, allocate and, for
 * snapshots, to replace files. All others fail from then on.
 */
#include "lib/filter/run.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/resource.h>

/* Code, libraries and buffers besides what --memory counts; address space, not memory.
 */
#define OVERHEAD (UINT64_C(192) << 20)
/* Of a stage: a snapshot being written, what is kept back, the thread's own heap. */
#define STAGE_OVERHEAD (UINT64_C(320) << 20)

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int
run_limit_memory(struct run *run)
{
	uint64_t bytes = OVERHEAD;
	struct rlimit limit;

	for (const struct run *r = run; r != NULL; r = r->next)
		bytes +=
		    r->common.memory.bytes + (r->pipeline != NULL ? STAGE_OVERHEAD : 0);
	limit = (struct rlimit){ .rlim_cur = bytes, .rlim_max = bytes };
	if (run->common.no_sandbox || SANITIZED)
		return 0;
	if (setrlimit(RLIMIT_AS, &limit) != 0 && errno != EPERM)
		return run_fail(run, "cannot limit memory: %s", strerror(errno));
	return 0;
}

static const int always[] = { SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(msync),
	SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(ioctl), SCMP_SYS(fcntl),
	SCMP_SYS(getppid), SCMP_SYS(pread64), SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
	SCMP_SYS(exit), SCMP_SYS(exit_group) };

/* For those that write snapshots or follow files. */
static const int files[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat),
	SCMP_SYS(statx), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fchmod),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(getdents64),
	SCMP_SYS(flock), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(readlink) };

/* For those that listen and connect. */
static const int network[] = { SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind),
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2), SCMP_SYS(unlink) };

static int
allow(scmp_filter_ctx context, const int *calls, size_t n)
{
	int status;

	for (size_t i = 0; i < n; i++) {
		status = seccomp_rule_add(context, SCMP_ACT_ALLOW, calls[i], 0);
		/* A call that this architecture does not have needs no rule. */
		if (status != 0 && status != -EDOM && status != -EINVAL)
			return status;
	}
	return 0;
}

static bool
opens_files(const struct run *run)
{
	return run->opens_files || run->filter->reload != NULL ||
	    run->common.state != NULL || run->common.stats != NULL ||
	    run->pipeline != NULL || run->file_count > 0;
}

int
run_enter_sandbox(struct run *run)
{
	bool opens = false, connects = false;
	scmp_filter_ctx context;
	int status;

	for (const struct run *r = run; r != NULL; r = r->next) {
		opens = opens || opens_files(r);
		connects = connects || r->uses_network;
	}

	if (run->common.no_sandbox || SANITIZED)
		return 0;
	context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (context == NULL)
		return run_fail(
		    run, "no memory for the sandbox (--no-sandbox goes without)");
	/* The thread that writes the snapshots was made before. */
	status = seccomp_attr_set(context, SCMP_FLTATR_CTL_TSYNC, 1);
	if (status == 0)
		status = allow(context, always, sizeof always / sizeof *always);
	if (status == 0 && opens)
		status = allow(context, files, sizeof files / sizeof *files);
	if (status == 0 && connects)
		status = allow(context, network, sizeof network / sizeof *network);
	if (status == 0)
		status = seccomp_load(context);
	seccomp_release(context);
	/* A kernel without seccomp still runs the filter; the user hears of it. */
	if (status != 0)
		run_say(run, "no sandbox here: %s", strerror(-status));
	return 0;
}
