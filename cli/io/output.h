/*
 * output.h
 *		Files that are there whole or not at all: written under a temporary name, synced,
 *		and renamed at the end.
 */
#ifndef PRIO_CLI_OUTPUT_H
#define PRIO_CLI_OUTPUT_H

#include "io/identity.h"
#include "log.h"

#include <stddef.h>

typedef struct Output Output;

/*
 * A new file in a directory, which is made if need be, with the name that the file at
 * input_path has. option named the directory. Ends the process if that cannot work, or if the
 * file would replace one of the inputs, of which there are input_count.
 */
extern Output *output_open(const char *option, const char *directory, const char *input_path,
						   const FileIdentity *inputs, size_t input_count);

extern void output_write(Output *output, const char *bytes, size_t size);
extern void output_print(Output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* All files get their names: first every one is safe on the disk, then they are renamed. */
extern void outputs_commit(void);

/* Removes what has not got its name yet. */
extern void outputs_discard(void);

#endif /* PRIO_CLI_OUTPUT_H */
