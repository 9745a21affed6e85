/*
 * log.h
 *		What the command says on standard error.
 */
#ifndef PRIO_CLI_LOG_H
#define PRIO_CLI_LOG_H

#include <stdarg.h>

#define PRINTF_LIKE(text, values) __attribute__((format(printf, text, values)))

/* The command that messages begin with, until then with none. */
extern void log_set_command(const char *name);

/* Writes a line to standard error, above the progress bar. */
extern void warn(const char *format, ...) PRINTF_LIKE(1, 2);
extern void log_message(const char *format, va_list arguments) PRINTF_LIKE(1, 0);

#endif /* PRIO_CLI_LOG_H */
