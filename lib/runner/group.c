/* SPDX-License-Identifier: MIT */
#include "lib/runner/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/epoch.h"
#include "lib/runner/process.h"

enum { ROUND_US = 2000 };

int
group_prepare(struct error *error)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
	    ? 0
	    : error_set(
		  error, "cannot become the reaper of orphans: %s", strerror(errno));
}

/* Signals as a program expects them that nobody prepared: what is ignored or blocked
 * would be so in every stage. */
static void
reset_signals(void)
{
	static const int numbers[] = { SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP,
		SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM, SIGTTIN, SIGTTOU, SIGTSTP };
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		(void)sigaction(numbers[i], &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What bash calls in place of a program that it does not find: in the middle of a pipeline
 * nobody else would see that. */
static const char not_found_handler[] =
    "() { printf '%s: command not found\\n' \"$1\" >&2; "
    "printf '%s\\n' \"$1\" 2>/dev/null >\"$" EPOCH_DIR_VARIABLE "/" GROUP_NOT_FOUND
    "\"; return 127; }";

/* In the child. A background group that reads from the terminal would be stopped. */
static int
prepare_child(pid_t runner, const char *dir)
{
	char number[24];
	int null;

	reset_signals();
	(void)snprintf(number, sizeof number, "%d", (int)runner);
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    getppid() != runner || setenv(EPOCH_DIR_VARIABLE, dir, 1) != 0 ||
	    setenv(EPOCH_RUNNER_VARIABLE, number, 1) != 0 ||
	    setenv("BASH_FUNC_command_not_found_handle%%", not_found_handler, 1) != 0 ||
	    unsetenv("NOTIFY_SOCKET") != 0 || unsetenv("WATCHDOG_USEC") != 0)
		return -1;
	if (!isatty(STDIN_FILENO))
		return 0;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return null >= 0 && dup2(null, STDIN_FILENO) == 0 ? 0 : -1;
}

static void
be_child(char *const *argv, const char *dir, pid_t runner, int tell)
{
	char *shell[] = { "bash", "-o", "pipefail", "-c", argv[0], NULL };
	int cause;

	if (prepare_child(runner, dir) == 0) {
		if (argv[1] == NULL)
			(void)execvp(shell[0], shell);
		else
			(void)execvp(argv[0], argv);
	}
	cause = errno;
	(void)!write(tell, &cause, sizeof cause);
	_exit(127);
}

int
group_start(struct group *g, char *const *argv, const char *dir, bool *wrong_use,
    struct error *error)
{
	const char *program = argv[1] == NULL ? "bash" : argv[0];
	pid_t runner = getpid(), pid;
	int tell[2], cause = 0;
	ssize_t n;

	*g = (struct group){ 0 };
	*wrong_use = false;
	if (pipe2(tell, O_CLOEXEC) != 0)
		return error_set(error, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		be_child(argv, dir, runner, tell[1]);
	(void)close(tell[1]);
	if (pid < 0) {
		(void)close(tell[0]);
		return error_set(error, "cannot start a process: %s", strerror(errno));
	}
	/* Here as well as there, so that it holds whoever comes first. */
	(void)setpgid(pid, pid);
	do
		n = read(tell[0], &cause, sizeof cause);
	while (n < 0 && errno == EINTR);
	(void)close(tell[0]);
	g->leader = pid;
	if (n != sizeof cause)
		return 0;
	group_kill(g);
	*wrong_use =
	    cause == ENOENT || cause == EACCES || cause == ENOEXEC || cause == ENOTDIR;
	return error_set(error, "cannot execute %s: %s", program, strerror(cause));
}

void
group_reap(struct group *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == g->leader) {
			g->leader_ended = true;
			g->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
							: WEXITSTATUS(status);
		}
	g->ended = pid < 0 && errno == ECHILD;
}

void
group_kill(struct group *g)
{
	struct family left = { 0 };

	group_reap(g);
	/* Without a process in it the number may be another group's by now. */
	if (g->leader > 0 && !g->ended)
		(void)kill(-g->leader, SIGKILL);
	while (!g->ended) {
		(void)usleep(ROUND_US);
		group_reap(g);
		/* What made a group of its own. */
		if (!g->ended && family_look(&left, getpid(), g->leader) == 0)
			for (unsigned i = 0; i < left.n; i++)
				(void)kill(left.at[i].pid, SIGKILL);
	}
	family_free(&left);
	g->leader = 0;
}
