/*
 * exit.c
 *		Signals, and the ways out.
 */
#include "exit.h"

#include "crypto/crypto.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

static void (*clean_up)(void);

/* ------------------------------------------------------------------ signals */

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

void
exit_begin(void (*clean_up_function)(void))
{
	static const int signals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
								  SIGXCPU, SIGALRM, SIGUSR1, SIGUSR2};
	static const struct rlimit no_core = {0, 0};
	struct sigaction action;

	clean_up = clean_up_function;
	/* Keys are in memory. Where this is refused, so be it. */
	(void) setrlimit(RLIMIT_CORE, &no_core);
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

/* ------------------------------------------------------------------ ways out */

void
die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_message(format, arguments);
	va_end(arguments);
	exit(status);
}

void
die_no_memory(void)
{
	die(EXIT_FAILED, "out of memory");
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
