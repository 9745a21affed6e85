/*
 * lines.c
 *		Reading lines, and what they hold.
 */
#include "io/lines.h"

#include "base/secret.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t) 65536)

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
lines_status(const LineReader *reader, uint64_t errors, int skipped_status)
{
	return errors > 0 || reader->done == 0 ? skipped_status : EXIT_DONE;
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

bool
lines_read_all(LineReader *reader, const char **text, size_t *size)
{
	while (reader->end <= reader->max_line && read_more(reader))
		;
	*text = reader->buffer;
	*size = reader->end;
	return reader->end <= reader->max_line;
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

/* Does it begin like an object? */
static bool
is_object(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return text[i] == '{';
	return false;
}

json_t *
json_parse_payload(const char *text, size_t size, size_t max_values, const char **problem)
{
	PrioJsonMember payload = {.name = "payload"};
	json_t *value = NULL;

	*problem = "it is not JSON, or has a number beyond 9223372036854775807";
	if (is_object(text, size))
	{
		if (!prio_json_members(text, size, &payload, 1))
			return NULL;
		if (payload.kind == PRIO_JSON_NONE)
		{
			*problem = "it has no \"payload\"";
			return NULL;
		}
		text = payload.text;
		size = payload.size;
		if (payload.kind == PRIO_JSON_STRING) /* with its quotes */
		{
			text--;
			size += 2;
		}
	}
	if (!has_more_values(text, size, max_values))
		value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	return value;
}

const char *
payload_decode(const PrioJsonMember *payload, uint8_t *out, size_t *size)
{
	const char *text = payload->text;
	size_t length = payload->size;
	char *unescaped = NULL;
	bool decoded;

	if (payload->kind != PRIO_JSON_STRING)
		return "it has no \"payload\" that is a string";
	if (payload->has_escapes)
	{
		unescaped = allocate(length);
		text = unescaped;
	}
	decoded =
		(unescaped == NULL || prio_json_unescape(payload->text, length, unescaped, &length)) &&
		prio_decode_base64(text, length, out, size);
	free(unescaped);
	return decoded ? NULL : "its \"payload\" is not base64";
}

/* ------------------------------------------------------------------ records */

/* Writes an id as prio-processor does; NULL or a problem. */
static const char *
write_id(const PrioJsonMember *id, Record *record)
{
	char text[6 * MAX_ID_BYTES]; /* a character takes six at most */
	size_t size = id->size;

	if (id->kind == PRIO_JSON_INTEGER && size <= MAX_ID_BYTES)
	{
		/* As it is, but -0, which Python reads as 0. */
		bool is_minus_zero = size == 2 && memcmp(id->text, "-0", 2) == 0;

		memcpy(record->id, id->text + is_minus_zero, size - is_minus_zero);
		record->id[size - is_minus_zero] = '\0';
		return NULL;
	}
	if (id->kind != PRIO_JSON_STRING && id->kind != PRIO_JSON_INTEGER)
		return "it has no \"id\" that is a string or an integer";
	if (size > sizeof(text))
		return "its \"id\" is too long";
	if (!prio_json_unescape(id->text, size, text, &size))
		return "its \"id\" has characters that no text can hold";
	if (size > MAX_ID_BYTES)
		return "its \"id\" is too long";
	record->id[prio_json_escape(text, size, record->id)] = '\0';
	return NULL;
}

/* Takes the id of an object, unless a line before has it. */
static const char *
take_id(const PrioJsonMember *id, uint64_t number, Dedup *ids, Record *record)
{
	static char duplicate[64];
	const char *problem = write_id(id, record);
	uint64_t other;

	if (problem != NULL)
		return problem;
	record->id_key = dedup_key('i', record->id, strlen(record->id));
	other = dedup_find(ids, record->id_key);
	if (other == 0)
	{
		dedup_add(ids, record->id_key, number);
		return NULL;
	}
	(void) snprintf(duplicate, sizeof(duplicate), "its \"id\" is that of line %llu",
					(unsigned long long) other);
	return duplicate;
}

bool
lines_next_record(LineReader *reader, Dedup *ids, Record *record, const char **problem)
{
	PrioJsonMember members[] = {{.name = "id"}, {.name = "payload"}};
	const char *line;
	size_t size;

	if (!lines_next(reader, &line, &size))
		return false;
	if (line == NULL)
		*problem = "it is too long";
	else if (!prio_json_members(line, size, members, 2))
		*problem = "it is not a JSON object";
	else
		*problem = take_id(&members[0], reader->number, ids, record);
	if (*problem == NULL)
		*problem = payload_decode(&members[1], record->payload, &record->payload_size);
	return true;
}
