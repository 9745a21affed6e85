/*
 * print.c
 *		What goes to standard output.
 */
#include "io/print.h"

#include "exit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
