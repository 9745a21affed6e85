/*
 * progress.h
 *		The progress bar: drawn on standard error when that is a terminal and there are many
 *		bytes to go through.
 */
#ifndef PRIO_CLI_PROGRESS_H
#define PRIO_CLI_PROGRESS_H

#include <stdint.h>

/* title stands before the bar; total is 0 when nobody knows how many bytes there are. */
extern void progress_begin(const char *title, uint64_t total);
extern void progress_update(uint64_t done);

/* Wipes the bar off, as every message does; the next update draws it again. */
extern void progress_end(void);

#endif /* PRIO_CLI_PROGRESS_H */
