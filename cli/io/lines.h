/*
 * lines.h
 *		Files of JSON lines: {"id": …, "payload": …}.
 */
#ifndef PRIO_CLI_LINES_H
#define PRIO_CLI_LINES_H

#include "codec/json.h"
#include "io/dedup.h"
#include "io/identity.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a line may hold besides its payload: bytes, of which some are its id, and values. */
#define LINE_SLACK 65536
#define MAX_ID_BYTES ((size_t) 1024)
#define MAX_OTHER_VALUES 1000

/* A file that is read once, from its beginning to its end; it need not be seekable. */
typedef struct LineReader
{
	const char *option; /* that named the file */
	const char *path;
	int fd;
	FileIdentity identity;
	uint64_t size;   /* bytes, or 0 if nobody knows */
	uint64_t done;   /* of them, gone through */
	uint64_t number; /* of the last line, from 1 */
	char *buffer;    /* start .. end is read but not yet handed out */
	size_t capacity;
	size_t start;
	size_t end;
	size_t max_line; /* longer lines are passed over */
} LineReader;

/* Makes jansson forget what it frees. */
extern void json_begin(void);

/* Opens the file that an option names; ends the process if that fails. */
extern void lines_open(LineReader *reader, const char *option, const char *path,
					   size_t max_line);

/*
 * The next line, without its end, valid until the next call; false at the end of the file.
 * *line is NULL for one that is too long.
 */
extern bool lines_next(LineReader *reader, const char **line, size_t *size);

/* Reports a line that is skipped, and why. */
extern void lines_report(const LineReader *reader, const char *problem);

/*
 * Closes a file that has been read to its end, and says so if nothing was in it; and the
 * exit status: skipped_status if that is so, or if lines were skipped.
 */
extern void lines_finish(LineReader *reader);
extern int lines_status(const LineReader *reader, uint64_t errors, int skipped_status);

/*
 * The whole file, which may be shorter than max_line and no longer: false if it is. What it gives
 * is valid until the next call.
 */
extern bool lines_read_all(LineReader *reader, const char **text, size_t *size);

/*
 * What a client has, as jansson's tree: the "payload" of an object, or the text itself if that is
 * no object. NULL, and what is wrong, for anything that is not JSON or has more than max_values
 * values, which jansson would turn into some thirty bytes each.
 */
extern json_t *json_parse_payload(const char *text, size_t size, size_t max_values,
								  const char **problem);

/* A line that has an id, and bytes in base64. */
typedef struct Record
{
	char id[PRIO_JSON_ESCAPED_SIZE(MAX_ID_BYTES) + 1]; /* in JSON, as prio-processor writes it */
	DedupKey id_key;
	uint8_t *payload; /* the caller's; room for prio_base64_max_size(max_line) bytes */
	size_t payload_size;
} Record;

/*
 * The next line as a record; false at the end of the file. *problem is what is wrong with
 * the line, or NULL. The first line with an id is its line: another one with it is wrong.
 */
extern bool lines_next_record(LineReader *reader, Dedup *ids, Record *record,
							  const char **problem);

/* The bytes in base64 that a member "payload" is; NULL or a problem. */
extern const char *payload_decode(const PrioJsonMember *payload, uint8_t *out, size_t *size);

#endif /* PRIO_CLI_LINES_H */
