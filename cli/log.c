/*
 * log.c
 *		Messages.
 */
#include "log.h"

#include "progress.h"

#include <stdio.h>

static const char *command;

void
log_set_command(const char *name)
{
	command = name;
}

void
log_message(const char *format, va_list arguments)
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
	log_message(format, arguments);
	va_end(arguments);
}
