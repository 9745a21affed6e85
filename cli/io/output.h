/*
 * output.h
 *		Files that are there whole or not at all: written under a temporary name, synced,
 *		and renamed at the end.
 */
#ifndef PRIO_CLI_OUTPUT_H
#define PRIO_CLI_OUTPUT_H

#include "exit.h"

#include <stdio.h>

typedef struct Output Output;

/*
 * A new file in a directory, which is made if need be, with the name that the file at
 * input_path has. option named the directory. Ends the process if that cannot work.
 */
extern Output *output_open(const char *option, const char *directory, const char *input_path);

extern void output_write(Output *output, const char *bytes, size_t size);
extern void output_print(Output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* All files get their names: first every one is safe on the disk, then they are renamed. */
extern void outputs_commit(void);

/* Removes what has not got its name yet. */
extern void outputs_discard(void);

#endif /* PRIO_CLI_OUTPUT_H */
