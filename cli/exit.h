/*
 * exit.h
 *		What the command says on standard error, and how it ends.
 */
#ifndef PRIO_CLI_EXIT_H
#define PRIO_CLI_EXIT_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(text, values) __attribute__((format(printf, text, values)))

/* Exit statuses; the manual page documents them. */
enum
{
	EXIT_DONE = 0,
	EXIT_FAILED = 1,  /* nothing was written */
	EXIT_USAGE = 2,   /* options, or the environment, are wrong: nothing was written */
	EXIT_SKIPPED = 3, /* the output is there, but lines of the input were skipped */
};

/* Did a signal come? A PrioStop for the long computations. */
extern bool signal_came(void);

/* Installs the handlers, and the clean-up that every way out passes through. */
extern void exit_begin(void);

/* The command that messages begin with. */
extern void report_set_command(const char *name);

/* Writes a line to standard error, above the progress bar. */
extern void warn(const char *format, ...) PRINTF_LIKE(1, 2);

/* Writes a line to standard error and ends the process; what it began to write goes. */
extern _Noreturn void die(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* Ends the process if a signal asked for it, as that signal would have. */
extern void check_stop(void);

/*
 * Ends the process for a status that is nobody's fault but the machine's, or a signal's.
 * Every other status is the caller's to handle.
 */
extern void check_machine(PrioStatus status);

extern _Noreturn void die_no_memory(void);

/* malloc() and realloc() that end the process instead of failing. */
extern void *allocate(size_t size);
extern void *reallocate(void *memory, size_t size);

/* Writes what printf() would to standard output; ends the process if that fails. */
extern void print(const char *format, ...) PRINTF_LIKE(1, 2);
extern void print_flush(void);

/*
 * The progress bar: drawn when standard error is a terminal and there are many bytes to
 * go through. total 0 when nobody knows how many there are.
 */
extern void progress_begin(uint64_t total);
extern void progress_update(uint64_t done);
extern void progress_end(void);

#endif /* PRIO_CLI_EXIT_H */
