/*
 * print.h
 *		What the command prints on standard output: keys, counts and help.
 */
#ifndef PRIO_CLI_PRINT_H
#define PRIO_CLI_PRINT_H

#include "log.h"

/* Writes what printf() would; both end the process if that fails. */
extern void print(const char *format, ...) PRINTF_LIKE(1, 2);
extern void print_flush(void);

#endif /* PRIO_CLI_PRINT_H */
