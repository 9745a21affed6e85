/*
 * output.c
 *		Files that are there whole or not at all.
 */
#include "io/output.h"

#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OUTPUTS 2
/* No pattern for the names of data finds it, and it is never too long. */
#define TEMPORARY_NAME ".prio.XXXXXX"

struct Output
{
	const char *directory;
	char *path;      /* in the end */
	char *temporary; /* until then; NULL: there is no such file (any more) */
	FILE *file;
};

static Output outputs[MAX_OUTPUTS];
static size_t output_count;

static _Noreturn void
die_writing(const char *path)
{
	die(EXIT_FAILED, "cannot write \"%s\": %s; nothing was written", path, strerror(errno));
}

/* What open() gives a new file, as far as the umask lets it. */
static mode_t
new_file_mode(void)
{
	mode_t mask = umask(0);

	(void) umask(mask);
	return (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH) & ~mask;
}

static char *
join(const char *directory, const char *name)
{
	size_t directory_size = strlen(directory);
	size_t size;
	char *path;

	while (directory_size > 1 && directory[directory_size - 1] == '/')
		directory_size--;
	size = directory_size + 1 + strlen(name) + 1;
	path = allocate(size);
	(void) snprintf(path, size, "%.*s/%s", (int) directory_size, directory, name);
	return path;
}

/* mkdir -p. What fails here shows when a file is made in it. */
static void
make_directories(const char *directory)
{
	char *path = join(directory, "");

	for (char *slash = path + 1; *slash != '\0'; slash++)
		if (*slash == '/')
		{
			*slash = '\0';
			(void) mkdir(path, S_IRWXU | S_IRWXG | S_IRWXO);
			*slash = '/';
		}
	free(path);
}

/* The part of a path behind its last slash. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Ends the process if the file that is about to get replaced must not be. */
static void
check_replaceable(const Output *output, const char *option, const FileIdentity *inputs,
				  size_t input_count)
{
	struct stat status;
	struct stat other;

	if (stat(output->path, &status) == 0)
	{
		if (!S_ISREG(status.st_mode))
			die(EXIT_FAILED, "\"%s\" is there and is not a file; choose another %s",
				output->path, option);
		for (size_t i = 0; i < input_count; i++)
			if (identity_equals(identity_of(&status), inputs[i]))
				die(EXIT_USAGE, "\"%s\" would replace its own input; choose another %s",
					output->path, option);
	}
	if (output == &outputs[1] && stat(outputs[0].directory, &other) == 0 &&
		stat(output->directory, &status) == 0 &&
		identity_equals(identity_of(&status), identity_of(&other)))
		die(EXIT_USAGE, "both outputs would be \"%s\"; choose another %s", output->path, option);
}

Output *
output_open(const char *option, const char *directory, const char *input_path,
			const FileIdentity *inputs, size_t input_count)
{
	Output *output = &outputs[output_count];
	char *temporary;
	int fd;

	make_directories(directory);
	output->directory = directory;
	output->path = join(directory, base_name(input_path));
	check_replaceable(output, option, inputs, input_count);

	temporary = join(directory, TEMPORARY_NAME);
	fd = mkstemp(temporary);
	if (fd < 0)
		die(EXIT_FAILED, "cannot make a file in \"%s\": %s; check %s", directory,
			strerror(errno), option);
	output->temporary = temporary;
	output_count++;
	output->file = fdopen(fd, "w");
	if (output->file == NULL || fchmod(fd, new_file_mode()) != 0)
		die_writing(output->path);
	return output;
}

void
output_write(Output *output, const char *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, output->file) != size)
		die_writing(output->path);
}

void
output_print(Output *output, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vfprintf(output->file, format, arguments);
	va_end(arguments);
	if (written < 0)
		die_writing(output->path);
}

/* Makes new names in a directory last. Some file systems cannot, and need not. */
static void
sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
	{
		(void) fsync(fd);
		(void) close(fd);
	}
}

/* Another name for the file that an output is about to replace; NULL if there is none. */
static char *
keep_old(const Output *output)
{
	size_t size = strlen(output->temporary) + sizeof(".old");
	char *old = allocate(size);

	(void) snprintf(old, size, "%s.old", output->temporary);
	if (link(output->path, old) == 0)
		return old;
	free(old);
	return NULL;
}

void
outputs_commit(void)
{
	char *old;

	check_stop();
	for (size_t i = 0; i < output_count; i++)
	{
		FILE *file = outputs[i].file;
		bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;

		outputs[i].file = NULL;
		if (!written)
			die_writing(outputs[i].path);
		if (fclose(file) != 0)
			die_writing(outputs[i].path);
	}
	old = output_count > 1 ? keep_old(&outputs[0]) : NULL;
	for (size_t i = 0; i < output_count; i++)
	{
		if (rename(outputs[i].temporary, outputs[i].path) != 0)
		{
			int error = errno;

			/* One share alone is of no use. */
			if (i > 0)
				(void) (old != NULL ? rename(old, outputs[0].path) : unlink(outputs[0].path));
			else if (old != NULL)
				(void) unlink(old);
			errno = error;
			die_writing(outputs[i].path);
		}
		free(outputs[i].temporary);
		outputs[i].temporary = NULL;
	}
	if (old != NULL)
		(void) unlink(old);
	free(old);
	for (size_t i = 0; i < output_count; i++)
	{
		sync_directory(outputs[i].directory);
		free(outputs[i].path);
	}
	output_count = 0;
}

void
outputs_discard(void)
{
	for (size_t i = 0; i < output_count; i++)
		if (outputs[i].temporary != NULL)
			(void) unlink(outputs[i].temporary);
}
