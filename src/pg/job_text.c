/*
 * job_text.c
 *		Text that goes to another server and comes from it, always as UTF-8.
 */
#include "job_text.h"

#include "catalog/namespace.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include <limits.h>

PRIO_FUNCTION(prio_job_peer_text);
PRIO_FUNCTION(prio_job_peer_bigint);

/* A minus sign, and the digits of the largest number. */
#define MAX_BIGINT_CHARS 20

static bool
is_ascii(const char *bytes, Size size)
{
	for (Size i = 0; i < size; i++)
		if (IS_HIGHBIT_SET(bytes[i]))
			return false;
	return true;
}

/*
 * Converts between UTF-8 and the encoding of the database. NULL where characters have no
 * equivalent. May return the argument.
 */
static const char *
convert(const char *bytes, Size size, int from, int to)
{
	Size result_size = size * MAX_CONVERSION_GROWTH + 1;
	char *result;
	Oid proc;

	/* Every encoding of a database holds ASCII. */
	if (from == to || is_ascii(bytes, size))
		return bytes;
	if (from == PG_SQL_ASCII || to == PG_SQL_ASCII || result_size > MaxAllocSize)
		return NULL;
	proc = FindDefaultConversionProc(from, to);
	if (!OidIsValid(proc))
		return NULL;
	result = palloc(result_size);
	if (pg_do_encoding_conversion_buf(proc, from, to, (unsigned char *) bytes, (int) size,
									  (unsigned char *) result, (int) result_size,
									  true) != (int) size)
		return NULL;
	return result;
}

/* Would this character make a line look like something else, or like two? */
static bool
is_misleading(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || /* C0, DEL, C1 */
		c == 0x2028 || c == 0x2029 ||             /* ends of lines and paragraphs */
		(c >= 0x202a && c <= 0x202e) ||           /* directions of writing */
		(c >= 0x2066 && c <= 0x2069);
}

/* A copy of valid UTF-8, ending in a null byte, with a blank for each such character. */
static char *
without_misleading(const char *utf8, Size size)
{
	char *result = palloc(size + 1);
	char *out = result;

	for (const char *p = utf8; p < utf8 + size;)
	{
		int length = pg_encoding_mblen(PG_UTF8, p);

		if (is_misleading(utf8_to_unicode((const unsigned char *) p)))
			*out++ = ' ';
		else
		{
			memcpy(out, p, length);
			out += length;
		}
		p += length;
	}
	*out = '\0';
	return result;
}

const char *
prio_job_to_utf8(const char *string, const char *what)
{
	const char *utf8 = convert(string, strlen(string), GetDatabaseEncoding(), PG_UTF8);

	if (utf8 == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("%s cannot be sent to another server: \"%s\"", what, string),
				 GetDatabaseEncoding() == PG_SQL_ASCII ?
					 errdetail(
						 "The encoding of this database is SQL_ASCII, which does not say what its bytes mean. Only ASCII can be sent.") :
					 errdetail("It has characters that have no equivalent in UTF8.")));
	return utf8;
}

char *
prio_job_from_utf8(const char *bytes, Size size)
{
	char *clean;

	if (size > INT_MAX || !pg_verify_mbstr(PG_UTF8, bytes, (int) size, true))
		return NULL;
	clean = without_misleading(bytes, size);
	return unconstify(char *, convert(clean, strlen(clean), PG_UTF8, GetDatabaseEncoding()));
}

char *
prio_job_for_log(const char *bytes, Size size)
{
	char *result = prio_job_from_utf8(bytes, size);

	if (result != NULL)
		return result;
	result = pnstrdup(bytes, size);
	for (char *p = result; *p != '\0'; p++)
		if (IS_HIGHBIT_SET(*p) || is_misleading((unsigned char) *p))
			*p = IS_HIGHBIT_SET(*p) ? '?' : ' ';
	return result;
}

/*
 * peer_text(value bytea, max_chars int) -> text: text that another server sent.
 */
Datum
prio_job_peer_text(PG_FUNCTION_ARGS)
{
	bytea *value = PG_GETARG_BYTEA_PP(0);
	int32 max_chars = PG_GETARG_INT32(1);
	const char *bytes = VARDATA_ANY(value);
	Size size = VARSIZE_ANY_EXHDR(value);
	char *result;

	/* Before it is looked at: it may be as long as another server likes. */
	if (max_chars < 0 || size / 4 > (Size) max_chars)
		PG_RETURN_NULL();
	result = prio_job_from_utf8(bytes, size);
	if (result == NULL || pg_mbstrlen(result) > max_chars)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/*
 * peer_bigint(value bytea) -> bigint: a number that another server sent, in decimal digits.
 */
Datum
prio_job_peer_bigint(PG_FUNCTION_ARGS)
{
	bytea *value = PG_GETARG_BYTEA_PP(0);
	const char *p = VARDATA_ANY(value);
	const char *end = p + VARSIZE_ANY_EXHDR(value);
	bool negative;
	int64 result = 0;

	if (end - p > MAX_BIGINT_CHARS)
		PG_RETURN_NULL();
	negative = p < end && *p == '-';
	p += negative;
	if (p == end)
		PG_RETURN_NULL();

	/* There is one more number below zero than above: so it is added up there. */
	for (; p < end; p++)
		if (*p < '0' || *p > '9' || pg_mul_s64_overflow(result, 10, &result) ||
			pg_sub_s64_overflow(result, *p - '0', &result))
			PG_RETURN_NULL();
	if (!negative && pg_mul_s64_overflow(result, -1, &result))
		PG_RETURN_NULL();
	PG_RETURN_INT64(result);
}
