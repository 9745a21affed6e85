/*
 * job_text.h
 *		Text that goes to another server and comes from it, always as UTF-8.
 */
#ifndef PRIO_PG_JOB_TEXT_H
#define PRIO_PG_JOB_TEXT_H

#include "prio.h"

/*
 * Text of the database as UTF-8, ending in a null byte. what is for the error about text that
 * has no equivalent there: what it is, in words. In a database without an encoding only
 * ASCII passes. May point to the argument.
 */
extern const char *prio_job_to_utf8(const char *string, const char *what);

/*
 * Bytes from another server as text of the database, with blanks for control characters and
 * for whatever turns the direction of writing or ends lines. NULL if they are not UTF-8 or
 * not for the encoding of the database.
 */
extern char *prio_job_from_utf8(const char *bytes, Size size);

/* The same for the server log: always text, if need be with question marks. */
extern char *prio_job_for_log(const char *bytes, Size size);

#endif /* PRIO_PG_JOB_TEXT_H */
