/*
 * lines.c
 *		Reading lines, and what they hold.
 */
#include "io/lines.h"

#include "base/secret.h"
#include "exit.h"
#include "io/encoding.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t) 65536)
#define MAX_ID_BYTES 1024

/* ------------------------------------------------------------------ lines */

void
lines_open(LineReader *reader, const char *option, const char *path, size_t max_line)
{
	struct stat status;

	memset(reader, 0, sizeof(*reader));
	reader->option = option;
	reader->path = path;
	reader->max_line = max_line;
	do
	{
		reader->fd = open(path, O_RDONLY);
		check_stop();
	} while (reader->fd < 0 && errno == EINTR);
	if (reader->fd < 0 || fstat(reader->fd, &status) != 0)
		die(EXIT_FAILED, "cannot read \"%s\": %s; check %s", path, strerror(errno), option);
	if (S_ISDIR(status.st_mode))
		die(EXIT_FAILED, "\"%s\" is a directory; %s takes one file at a time", path, option);
	if (S_ISREG(status.st_mode))
		reader->size = (uint64_t) status.st_size;
	reader->identity = identity_of(&status);
}

void
lines_finish(LineReader *reader)
{
	if (reader->done == 0)
		warn("\"%s\" is empty; check %s", reader->path, reader->option);
	(void) close(reader->fd);
	if (reader->buffer != NULL)
		prio_wipe(reader->buffer, reader->capacity);
	free(reader->buffer);
	reader->buffer = NULL;
}

int
lines_status(const LineReader *reader, uint64_t errors)
{
	return errors > 0 || reader->done == 0 ? EXIT_SKIPPED : EXIT_DONE;
}

/* Reads more, behind what is in the buffer already; false at the end of the file. */
static bool
read_more(LineReader *reader)
{
	ssize_t size;

	/* Makes room: moves the line that has begun to the front, or takes more memory. */
	if (reader->start > 0)
	{
		memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	if (reader->capacity - reader->end < READ_BYTES)
	{
		size_t capacity = 2 * reader->capacity + READ_BYTES;
		char *buffer = allocate(capacity);

		if (reader->buffer != NULL)
		{
			memcpy(buffer, reader->buffer, reader->end);
			prio_wipe(reader->buffer, reader->capacity);
			free(reader->buffer);
		}
		reader->buffer = buffer;
		reader->capacity = capacity;
	}
	do
	{
		check_stop();
		size = read(reader->fd, reader->buffer + reader->end, reader->capacity - reader->end);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		die(EXIT_FAILED, "cannot read \"%s\": %s", reader->path, strerror(errno));
	reader->end += (size_t) size;
	reader->done += (size_t) size;
	return size > 0;
}

bool
lines_next(LineReader *reader, const char **line, size_t *size)
{
	size_t searched = 0; /* bytes of this line without an end in them */
	bool too_long = false;
	const char *end = NULL;

	check_stop();
	for (;;)
	{
		size_t left = reader->end - reader->start;

		if (left > searched)
			end = memchr(reader->buffer + reader->start + searched, '\n', left - searched);
		if (end != NULL)
			break;
		if (left > reader->max_line)
		{
			/* Nobody needs what has been read of it. */
			too_long = true;
			reader->start = reader->end;
			left = 0;
		}
		searched = left;
		if (!read_more(reader))
		{
			if (reader->start == reader->end && !too_long)
				return false;
			end = reader->buffer + reader->end; /* the last line may lack its end */
			break;
		}
	}
	reader->number++;
	*size = (size_t) (end - (reader->buffer + reader->start));
	*line = too_long || *size > reader->max_line ? NULL : reader->buffer + reader->start;
	reader->start += *size + (end == reader->buffer + reader->end ? 0 : 1);
	return true;
}

void
lines_report(const LineReader *reader, const char *problem)
{
	warn("%s:%llu: %s; skipped", reader->path, (unsigned long long) reader->number, problem);
}

/* ------------------------------------------------------------------ JSON */

static void
json_free(void *memory)
{
	if (memory != NULL)
		prio_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

void
json_begin(void)
{
	json_set_alloc_funcs(allocate, json_free);
}

/* Every value but the first has a comma, colon or bracket of its own before it. */
static bool
has_more_values(const char *line, size_t size, size_t max_values)
{
	size_t values = 1;
	bool in_string = false;

	for (size_t i = 0; i < size && values <= max_values; i++)
	{
		char c = line[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == ',' || c == '[' || c == '{'))
			values++;
	}
	return values > max_values;
}

static json_t *
parse(const char *line, size_t size, size_t max_values, size_t flags)
{
	if (has_more_values(line, size, max_values))
		return NULL;
	return json_loadb(line, size, JSON_REJECT_DUPLICATES | flags, NULL);
}

json_t *
json_parse(const char *line, size_t size, size_t max_values)
{
	return parse(line, size, max_values, 0);
}

json_t *
json_parse_value(const char *line, size_t size, size_t max_values)
{
	return parse(line, size, max_values, JSON_DECODE_ANY);
}

json_t *
json_parse_file(LineReader *reader)
{
	while (reader->end <= reader->max_line && read_more(reader))
		;
	if (reader->end > reader->max_line)
		return NULL;
	return json_parse(reader->buffer, reader->end, MAX_OTHER_VALUES);
}

const char *
json_payload(json_t *object, uint8_t *out, size_t *size)
{
	json_t *payload = json_object_get(object, "payload");

	if (!json_is_string(payload))
		return "it has no \"payload\" that is a string";
	if (!base64_decode(json_string_value(payload), json_string_length(payload), out, size))
		return "its \"payload\" is not base64";
	return NULL;
}

/* ------------------------------------------------------------------ records */

/* Takes the id of an object, unless a line before has it. */
static const char *
take_id(json_t *object, uint64_t number, Dedup *ids, Record *record)
{
	static char problem[64];
	json_t *id = json_object_get(object, "id");
	uint64_t other;

	if (!json_is_string(id) && !json_is_integer(id))
		return "it has no \"id\" that is a string or an integer";
	if (json_string_length(id) > MAX_ID_BYTES)
		return "its \"id\" is too long";
	record->id = json_dumps(id, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	if (record->id == NULL)
		die_no_memory();
	record->id_key = dedup_key('i', record->id, strlen(record->id));
	other = dedup_find(ids, record->id_key);
	if (other == 0)
	{
		dedup_add(ids, record->id_key, number);
		return NULL;
	}
	(void) snprintf(problem, sizeof(problem), "its \"id\" is that of line %llu",
					(unsigned long long) other);
	return problem;
}

bool
lines_next_record(LineReader *reader, Dedup *ids, Record *record, const char **problem)
{
	const char *line;
	size_t size;
	json_t *object;

	record->id = NULL;
	if (!lines_next(reader, &line, &size))
		return false;
	*problem = "it is too long";
	if (line == NULL)
		return true;

	object = json_parse(line, size, MAX_OTHER_VALUES);
	*problem = "it is not a JSON object";
	if (json_is_object(object))
	{
		*problem = take_id(object, reader->number, ids, record);
		if (*problem == NULL)
			*problem = json_payload(object, record->payload, &record->payload_size);
	}
	json_decref(object);
	return true;
}

void
record_free(Record *record)
{
	json_free(record->id);
	record->id = NULL;
}
