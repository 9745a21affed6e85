/*
 * job_files.c
 *		What the job needs of files, and of the session that it runs in.
 */
#include "job.h"

#include "codec/base64.h"
#include "codec/hex_base64.h"
#include "codec/json.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PRIO_FUNCTION(prio_job_whole_lines);
PRIO_FUNCTION(prio_job_parse_line);
PRIO_FUNCTION(prio_job_in_transaction_block);

/*
 * whole_lines(content bytea, OUT lines bytea[], OUT rest bytea): the lines that end within these
 * bytes, each without its LF or CR LF, and what follows the last of them. Whatever else stands in
 * a line is part of it.
 */
Datum
prio_job_whole_lines(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	const char *start = VARDATA_ANY(content);
	const char *end = start + VARSIZE_ANY_EXHDR(content);
	ArrayBuildState *lines = initArrayResult(BYTEAOID, CurrentMemoryContext, false);
	TupleDesc row_type = prio_job_row_type(fcinfo);
	Datum values[2];
	bool nulls[2] = {false, false};
	const char *newline;

	while (start < end && (newline = memchr(start, '\n', (size_t) (end - start))) != NULL)
	{
		Size length = (Size) (newline - start);

		CHECK_FOR_INTERRUPTS();
		if (length > 0 && newline[-1] == '\r')
			length--;
		lines = accumArrayResult(lines, PointerGetDatum(prio_bytea(start, length)), false,
								 BYTEAOID, CurrentMemoryContext);
		start = newline + 1;
	}
	values[0] = makeArrayResult(lines, CurrentMemoryContext);
	values[1] = PointerGetDatum(prio_bytea(start, (Size) (end - start)));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type, values, nulls)));
}

/* ------------------------------------------------------------------ lines */

/* Longer ones hold no share. */
#define MAX_LINE 24000000

/* A string without its escapes; NULL if no text can hold it. */
static const char *
unescaped(const PrioJsonMember *member, size_t *size)
{
	char *text;

	*size = member->size;
	if (!member->has_escapes)
		return member->text;
	text = palloc(member->size);
	return prio_json_unescape(member->text, member->size, text, size) ? text : NULL;
}

/* The bytes of a string of base64; NULL if it is none. */
static bytea *
read_base64(const PrioJsonMember *member)
{
	size_t size;
	const char *text = unescaped(member, &size);
	bytea *bytes;

	if (text == NULL)
		return NULL;
	bytes = palloc(VARHDRSZ + prio_base64_max_size(size));
	if (!prio_decode_base64(text, size, (uint8_t *) VARDATA(bytes), &size))
		return NULL;
	SET_VARSIZE(bytes, VARHDRSZ + size);
	return bytes;
}

/* In any of the spellings that PostgreSQL reads, but without its error for what is none. */
static bool
read_uuid(const char *text, size_t size, pg_uuid_t *uuid)
{
	const char *end = text + size;
	bool braces = size > 0 && *text == '{';

	text += braces;
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (end - text < 2 || !prio_parse_hex(text, 2, &uuid->data[i], 1))
			return false;
		text += 2;
		if (text < end && *text == '-' && i % 2 == 1 && i < UUID_LEN - 1)
			text++;
	}
	if (braces)
	{
		if (text == end || *text != '}')
			return false;
		text++;
	}
	return text == end;
}

/*
 * parse_line(line bytea, OUT written text, OUT id uuid, OUT payload bytea, OUT header bytea): the
 * share or message in a line of JSON. written is the id as it is written, empty if that is no
 * UUID, and NULL if the line is no object with strings "id" and "payload". Without an id the line is of no use:
 * something in it cannot be read.
 */
Datum
prio_job_parse_line(PG_FUNCTION_ARGS)
{
	bytea *line = PG_GETARG_BYTEA_PP(0);
	PrioJsonMember members[] = {{.name = "id"}, {.name = "payload"}, {.name = "header"}};
	const PrioJsonMember *header = &members[2];
	TupleDesc row_type = prio_job_row_type(fcinfo);
	Datum values[4] = {0};
	bool nulls[4] = {true, true, true, true};

	if (VARSIZE_ANY_EXHDR(line) <= MAX_LINE &&
		prio_json_members(VARDATA_ANY(line), VARSIZE_ANY_EXHDR(line), members,
						  lengthof(members)) &&
		members[0].kind == PRIO_JSON_STRING && members[1].kind == PRIO_JSON_STRING)
	{
		pg_uuid_t *uuid = palloc(sizeof(*uuid));
		size_t size;
		const char *written = unescaped(&members[0], &size);
		bool is_uuid = written != NULL && read_uuid(written, size, uuid);
		bytea *payload = read_base64(&members[1]);
		bytea *head = header->kind == PRIO_JSON_STRING ? read_base64(header) : NULL;

		values[0] = PointerGetDatum(cstring_to_text_with_len(written, is_uuid ? (int) size : 0));
		values[1] = UUIDPGetDatum(uuid);
		values[2] = PointerGetDatum(payload);
		values[3] = PointerGetDatum(head);
		nulls[0] = false;
		nulls[2] = payload == NULL;
		nulls[3] = head == NULL;
		nulls[1] =
			!is_uuid || payload == NULL || (header->kind == PRIO_JSON_STRING && head == NULL);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type, values, nulls)));
}

/* ------------------------------------------------------------------ the session */

/*
 * in_transaction_block() -> boolean: did somebody say BEGIN? Then a procedure cannot commit.
 */
Datum
prio_job_in_transaction_block(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(IsTransactionBlock());
}
