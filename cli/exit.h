/*
 * exit.h
 *		How the command ends: its ways out, signals among them, and the clean-up that all of
 *		them pass through.
 */
#ifndef PRIO_CLI_EXIT_H
#define PRIO_CLI_EXIT_H

#include "base/status.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses; the manual page documents them. */
enum
{
	EXIT_DONE = 0,
	EXIT_FAILED = 1,  /* nothing was written */
	EXIT_USAGE = 2,   /* options, or the environment, are wrong: nothing was written */
	EXIT_SKIPPED = 3, /* the output is there, but lines of the input were skipped */
};

/* Installs the handlers of signals, and what cleans up however the process ends. */
extern void exit_begin(void (*clean_up)(void));

/* Writes a line to standard error and ends the process; what it began to write goes. */
extern _Noreturn void die(int status, const char *format, ...) PRINTF_LIKE(2, 3);
extern _Noreturn void die_no_memory(void);

/* malloc() and realloc() that end the process instead of failing. */
extern void *allocate(size_t size);
extern void *reallocate(void *memory, size_t size);

/* Did a signal come? A PrioStop for the long computations. */
extern bool signal_came(void);

/* Ends the process if a signal asked for it, as that signal would have. */
extern void check_stop(void);

/*
 * Ends the process for a status that is nobody's fault but the machine's, or a signal's.
 * Every other status is the caller's to handle.
 */
extern void check_machine(PrioStatus status);

#endif /* PRIO_CLI_EXIT_H */
