/*
 * exit.c
 *		Messages, the ways out, and the progress bar.
 */
#include "exit.h"

#include "crypto/crypto.h"
#include "options.h"
#include "io/output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Input shorter than this many bytes needs no bar. */
#define PROGRESS_MIN_BYTES (UINT64_C(1) << 20)
#define PROGRESS_STEPS 1000 /* the bar is drawn so many times at most */
#define PROGRESS_WIDTH 30   /* characters of the bar itself */

static volatile sig_atomic_t stop_signal;

static const char *command;

static struct
{
	uint64_t total; /* bytes; 0: no bar */
	uint64_t drawn; /* steps that the bar shows */
	struct timespec start;
} progress;

/* ------------------------------------------------------------------ beginning and end */

static void
handle_signal(int signal_number)
{
	stop_signal = signal_number;
}

bool
signal_came(void)
{
	return stop_signal != 0;
}

/* However the process ends: no file that is half written, no key in memory. */
static void
clean_up(void)
{
	progress_end();
	outputs_discard();
	settings_wipe();
}

void
exit_begin(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handle_signal; /* no SA_RESTART: a read that waits must end */
	if (sigemptyset(&action.sa_mask) != 0 || atexit(clean_up) != 0)
		abort();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
	{
		struct sigaction inherited;

		/* nohup and shells in the background ignore some of them, and mean it. */
		if (sigaction(signals[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN &&
			sigaction(signals[i], &action, NULL) != 0)
			abort();
	}

	/* A full disk, a file size limit and a closed pipe all show where they happen. */
	action.sa_handler = SIG_IGN;
	if (sigaction(SIGPIPE, &action, NULL) != 0 || sigaction(SIGXFSZ, &action, NULL) != 0)
		abort();
}

void
report_set_command(const char *name)
{
	command = name;
}

void
check_stop(void)
{
	struct sigaction action;

	if (stop_signal == 0)
		return;
	warn("interrupted; nothing was written");
	clean_up();
	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	(void) sigaction(stop_signal, &action, NULL);
	(void) kill(getpid(), stop_signal);
	abort();
}

void
check_machine(PrioStatus status)
{
	switch (status)
	{
		case PRIO_NO_MEMORY:
			die_no_memory();
		case PRIO_NSS_FAILED:
			die(EXIT_FAILED, "the cryptographic library failed: %s", prio_nss_error_text());
		case PRIO_INTERRUPTED:
			check_stop();
			break;
		default:
			break;
	}
}

/* ------------------------------------------------------------------ messages */

static void
write_message(const char *format, va_list arguments)
{
	progress_end();
	(void) fprintf(stderr, command == NULL ? "prio: " : "prio %s: ", command);
	(void) vfprintf(stderr, format, arguments);
	(void) fputc('\n', stderr);
}

void
warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_message(format, arguments);
	va_end(arguments);
}

void
die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_message(format, arguments);
	va_end(arguments);
	exit(status);
}

void
die_no_memory(void)
{
	die(EXIT_FAILED, "out of memory");
}

static void
check_print(bool failed)
{
	if (failed)
		die(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
}

void
print(const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vprintf(format, arguments);
	va_end(arguments);
	check_print(written < 0);
}

void
print_flush(void)
{
	check_print(fflush(stdout) != 0);
}

void *
allocate(size_t size)
{
	return reallocate(NULL, size);
}

void *
reallocate(void *memory, size_t size)
{
	void *moved = realloc(memory, size);

	if (moved == NULL)
		die_no_memory();
	return moved;
}

/* ------------------------------------------------------------------ progress */

void
progress_begin(uint64_t total)
{
	memset(&progress, 0, sizeof(progress));
	if (total >= PROGRESS_MIN_BYTES && isatty(STDERR_FILENO) &&
		clock_gettime(CLOCK_MONOTONIC, &progress.start) == 0)
		progress.total = total;
}

/* How long the rest will take if it goes on like this, in seconds. */
static long
seconds_left(uint64_t done)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (long) ((double) (now.tv_sec - progress.start.tv_sec) *
				   (double) (progress.total - done) / (double) done);
}

void
progress_update(uint64_t done)
{
	static const char full[] = "##############################";
	static const char empty[] = "..............................";
	uint64_t step;
	long left;
	int filled;

	_Static_assert(sizeof(full) == PROGRESS_WIDTH + 1 && sizeof(empty) == sizeof(full),
				   "the bar must be as wide as it says");
	if (progress.total == 0)
		return;
	if (done > progress.total)
		done = progress.total;
	step = (uint64_t) ((double) done / (double) progress.total * PROGRESS_STEPS);
	if (step == progress.drawn)
		return;
	progress.drawn = step;
	filled = (int) (step * PROGRESS_WIDTH / PROGRESS_STEPS);
	left = seconds_left(done);
	(void) fprintf(stderr, "\rprio %s: [%.*s%.*s] %3d.%d %%, %ld:%02ld left\033[K", command,
				   filled, full, PROGRESS_WIDTH - filled, empty, (int) (step / 10),
				   (int) (step % 10), left / 60, left % 60);
	(void) fflush(stderr);
}

/* Wipes the bar off; the next update draws it again. */
void
progress_end(void)
{
	if (progress.drawn == 0)
		return;
	progress.drawn = 0;
	(void) fputs("\r\033[K", stderr);
}
