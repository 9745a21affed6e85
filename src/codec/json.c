/*
 * json.c
 *		A scanner of JSON: it sees that the syntax is right, and where values begin and end.
 */
#include "codec/json.h"

#include <stdint.h>
#include <string.h>

/* ------------------------------------------------------------------ scanning */

/* What is left of the text. */
typedef struct Scanner
{
	const char *next;
	const char *end;
} Scanner;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit; 16 for another character. */
static uint32_t
hex_value(char c)
{
	if (is_digit(c))
		return (uint32_t) (c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint32_t) (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (uint32_t) (c - 'A' + 10);
	return 16;
}

static void
skip_blanks(Scanner *s)
{
	while (s->next < s->end &&
		   (*s->next == ' ' || *s->next == '\t' || *s->next == '\n' || *s->next == '\r'))
		s->next++;
}

/* Passes over the next character if it is this one. */
static bool
skip(Scanner *s, char c)
{
	if (s->next == s->end || *s->next != c)
		return false;
	s->next++;
	return true;
}

/* Is any of eight bytes a quote, a backslash, a control character, or not ASCII? */
static bool
is_special_word(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;
	uint64_t quotes;
	uint64_t backslashes;

	memcpy(&word, text, sizeof(word));
	quotes = word ^ ones * '"';
	backslashes = word ^ ones * '\\';
	/* The top bit of a byte shows a borrow, which only a byte below what is taken off it causes. */
	return ((word | (word - ones * 0x20) | (quotes - ones) | (backslashes - ones)) &
			ones * 0x80) != 0;
}

/* One character that is not ASCII: the shortest form, no surrogate, at most U+10FFFF. */
static bool
scan_utf8(Scanner *s)
{
	static const struct
	{
		uint8_t first[2];  /* the range of the first byte */
		uint8_t second[2]; /* and of the second; all others are 80 to bf */
		uint8_t size;
	} forms[] = {
		{{0xc2, 0xdf}, {0x80, 0xbf}, 2}, {{0xe0, 0xe0}, {0xa0, 0xbf}, 3},
		{{0xe1, 0xec}, {0x80, 0xbf}, 3}, {{0xed, 0xed}, {0x80, 0x9f}, 3},
		{{0xee, 0xef}, {0x80, 0xbf}, 3}, {{0xf0, 0xf0}, {0x90, 0xbf}, 4},
		{{0xf1, 0xf3}, {0x80, 0xbf}, 4}, {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
	};
	const uint8_t *bytes = (const uint8_t *) s->next;
	size_t left = (size_t) (s->end - s->next);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		if (bytes[0] < forms[i].first[0] || bytes[0] > forms[i].first[1])
			continue;
		if (left < forms[i].size || bytes[1] < forms[i].second[0] ||
			bytes[1] > forms[i].second[1])
			return false;
		for (size_t k = 2; k < forms[i].size; k++)
			if ((bytes[k] & 0xc0) != 0x80)
				return false;
		s->next += forms[i].size;
		return true;
	}
	return false;
}

/* What is behind a backslash. */
static bool
scan_escape(Scanner *s)
{
	if (s->next == s->end || *s->next == '\0' || strchr("\"\\/bfnrtu", *s->next) == NULL)
		return false;
	if (*s->next++ != 'u')
		return true;
	if (s->end - s->next < 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (hex_value(*s->next++) > 15)
			return false;
	return true;
}

/* A string behind its first quote. */
static bool
scan_string(Scanner *s, PrioJsonMember *found)
{
	found->kind = PRIO_JSON_STRING;
	found->has_escapes = false;
	found->text = s->next;
	for (;;)
	{
		while (s->end - s->next >= 8 && !is_special_word(s->next))
			s->next += 8;
		if (s->next == s->end || (unsigned char) *s->next < 0x20)
			return false;
		if ((unsigned char) *s->next >= 0x80)
		{
			if (!scan_utf8(s))
				return false;
		}
		else if (*s->next == '"')
			break;
		else if (*s->next++ == '\\')
		{
			found->has_escapes = true;
			if (!scan_escape(s))
				return false;
		}
	}
	found->size = (size_t) (s->next++ - found->text);
	return true;
}

/* At least one digit. */
static bool
scan_digits(Scanner *s)
{
	const char *start = s->next;

	while (s->next < s->end && is_digit(*s->next))
		s->next++;
	return s->next > start;
}

static bool
scan_number(Scanner *s, PrioJsonMember *found)
{
	found->kind = PRIO_JSON_INTEGER;
	(void) skip(s, '-');
	if (!skip(s, '0') && !scan_digits(s))
		return false;
	if (skip(s, '.'))
	{
		found->kind = PRIO_JSON_OTHER;
		if (!scan_digits(s))
			return false;
	}
	if (skip(s, 'e') || skip(s, 'E'))
	{
		found->kind = PRIO_JSON_OTHER;
		if (!skip(s, '+'))
			(void) skip(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool
scan_word(Scanner *s, const char *word)
{
	size_t size = strlen(word);

	if ((size_t) (s->end - s->next) < size || memcmp(s->next, word, size) != 0)
		return false;
	s->next += size;
	return true;
}

/* A name and its colon. */
static bool
scan_name(Scanner *s, PrioJsonMember *name)
{
	skip_blanks(s);
	if (!skip(s, '"') || !scan_string(s, name))
		return false;
	skip_blanks(s);
	return skip(s, ':');
}

/* A value that is neither an object nor an array. */
static bool
scan_scalar(Scanner *s, PrioJsonMember *found)
{
	found->kind = PRIO_JSON_OTHER;
	found->text = s->next;
	if (s->next == s->end)
		return false;
	switch (*s->next)
	{
		case '"':
			s->next++;
			return scan_string(s, found);
		case 't':
			return scan_word(s, "true");
		case 'f':
			return scan_word(s, "false");
		case 'n':
			return scan_word(s, "null");
		default:
			return scan_number(s, found);
	}
}

/* The objects and arrays that have begun and not ended: a bit each, and no stack. */
typedef struct Nesting
{
	size_t depth;
	uint8_t is_object[PRIO_JSON_MAX_DEPTH / 8];
} Nesting;

/* Behind the bracket that opens one; *is_empty: what closes it is next. */
static bool
open_nested(Scanner *s, Nesting *nesting, bool is_object, bool *is_empty)
{
	uint8_t *bits = &nesting->is_object[nesting->depth / 8];
	unsigned int bit = 1u << nesting->depth % 8;
	PrioJsonMember name;

	/* One level is that of the object whose member this is. */
	if (nesting->depth + 1 == PRIO_JSON_MAX_DEPTH)
		return false;
	*bits = (uint8_t) (is_object ? *bits | bit : *bits & ~bit);
	nesting->depth++;
	skip_blanks(s);
	*is_empty = s->next < s->end && *s->next == (is_object ? '}' : ']');
	return *is_empty || !is_object || scan_name(s, &name);
}

/* Behind a value: closes what ends there, and goes to the next value if there is one. */
static bool
go_on(Scanner *s, Nesting *nesting)
{
	while (nesting->depth > 0)
	{
		size_t top = nesting->depth - 1;
		bool is_object = (nesting->is_object[top / 8] >> top % 8 & 1) != 0;
		PrioJsonMember name;

		skip_blanks(s);
		if (skip(s, ','))
			return !is_object || scan_name(s, &name);
		if (!skip(s, is_object ? '}' : ']'))
			return false;
		nesting->depth--;
	}
	return true;
}

/* Any value. */
static bool
scan_value(Scanner *s, PrioJsonMember *found)
{
	Nesting nesting = {.depth = 0};
	PrioJsonMember inner;
	const char *start;

	skip_blanks(s);
	start = s->next;
	do
	{
		bool is_scalar = false;

		skip_blanks(s);
		if (skip(s, '{'))
		{
			if (!open_nested(s, &nesting, true, &is_scalar))
				return false;
		}
		else if (skip(s, '['))
		{
			if (!open_nested(s, &nesting, false, &is_scalar))
				return false;
		}
		else
		{
			if (!scan_scalar(s, nesting.depth == 0 ? found : &inner))
				return false;
			is_scalar = true;
		}
		if (is_scalar && !go_on(s, &nesting))
			return false;
	} while (nesting.depth > 0);
	if (*start == '"')
		return true;
	if (*start == '{' || *start == '[')
		found->kind = PRIO_JSON_OTHER;
	found->has_escapes = false;
	found->text = start;
	found->size = (size_t) (s->next - start);
	return true;
}

/* ------------------------------------------------------------------ members */

static bool
is_name(const PrioJsonMember *written, const char *name)
{
	char plain[6 * PRIO_JSON_MAX_NAME];
	const char *text = written->text;
	size_t size = written->size;

	if (written->has_escapes)
	{
		if (size > sizeof(plain) || !prio_json_unescape(text, size, plain, &size))
			return false;
		text = plain;
	}
	return size == strlen(name) && memcmp(text, name, size) == 0;
}

/* The member with this name, or NULL. */
static PrioJsonMember *
find_member(PrioJsonMember *members, size_t count, const PrioJsonMember *name)
{
	for (size_t i = 0; i < count; i++)
		if (is_name(name, members[i].name))
			return &members[i];
	return NULL;
}

static bool
is_at_end(Scanner *s)
{
	skip_blanks(s);
	return s->next == s->end;
}

bool
prio_json_members(const char *text, size_t size, PrioJsonMember *members, size_t count)
{
	Scanner s = {text, text + size};

	for (size_t i = 0; i < count; i++)
		members[i].kind = PRIO_JSON_NONE;
	skip_blanks(&s);
	if (!skip(&s, '{'))
		return false;
	skip_blanks(&s);
	if (skip(&s, '}'))
		return is_at_end(&s);
	do
	{
		PrioJsonMember name;
		PrioJsonMember unneeded;
		PrioJsonMember *member;

		if (!scan_name(&s, &name))
			return false;
		member = find_member(members, count, &name);
		if (member != NULL && member->kind != PRIO_JSON_NONE)
			return false;
		if (!scan_value(&s, member != NULL ? member : &unneeded))
			return false;
		skip_blanks(&s);
	} while (skip(&s, ','));
	return skip(&s, '}') && is_at_end(&s);
}

/* ------------------------------------------------------------------ strings */

/* The code unit of four hexadecimal digits. */
static uint32_t
code_unit(const char *digits)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | hex_value(digits[i]);
	return unit;
}

/* Writes a code point; returns behind it. */
static char *
write_utf8(uint32_t code, char *out)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
		*out++ = (char) (0xc0 | code >> 6);
	else
	{
		if (code < 0x10000)
			*out++ = (char) (0xe0 | code >> 12);
		else
		{
			*out++ = (char) (0xf0 | code >> 18);
			*out++ = (char) (0x80 | (code >> 12 & 0x3f));
		}
		*out++ = (char) (0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80)
		*out++ = (char) (0x80 | (code & 0x3f));
	return out;
}

/* The code point of \uXXXX, with the other half of its pair; 0 if there is none, or if it is 0. */
static uint32_t
escaped_code(const char **next, const char *end)
{
	uint32_t unit = code_unit(*next);
	uint32_t other;

	*next += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	if (unit > 0xdbff || end - *next < 6 || (*next)[0] != '\\' || (*next)[1] != 'u')
		return 0;
	other = code_unit(*next + 2);
	if (other < 0xdc00 || other > 0xdfff)
		return 0;
	*next += 6;
	return 0x10000 + ((unit & 0x3ff) << 10 | (other & 0x3ff));
}

bool
prio_json_unescape(const char *text, size_t size, char *out, size_t *out_size)
{
	const char *next = text;
	const char *end = text + size;
	char *start = out;

	while (next < end)
	{
		static const char letters[] = "bfnrt";
		static const char meanings[] = "\b\f\n\r\t";
		const char *letter;

		if (*next != '\\')
		{
			*out++ = *next++;
			continue;
		}
		next++;
		if (*next == 'u')
		{
			uint32_t code;

			next++;
			code = escaped_code(&next, end);
			if (code == 0)
				return false;
			out = write_utf8(code, out);
			continue;
		}
		letter = strchr(letters, *next);
		if (letter != NULL)
			*out++ = meanings[letter - letters];
		else
			*out++ = *next;
		next++;
	}
	*out_size = (size_t) (out - start);
	return true;
}

/* The code point that begins here in valid UTF-8, and behind it. */
static uint32_t
read_utf8(const uint8_t **next)
{
	uint32_t first = *(*next)++;
	int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	uint32_t code = more == 0 ? first : first & (0x3fu >> more);

	for (; more > 0; more--)
		code = code << 6 | (*(*next)++ & 0x3f);
	return code;
}

/* Writes \uXXXX; returns behind it. */
static char *
write_escape(uint32_t unit, char *out)
{
	static const char digits[] = "0123456789abcdef";

	*out++ = '\\';
	*out++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*out++ = digits[unit >> shift & 0xf];
	return out;
}

size_t
prio_json_escape(const char *text, size_t size, char *out)
{
	const uint8_t *next = (const uint8_t *) text;
	const uint8_t *end = next + size;
	char *start = out;

	*out++ = '"';
	while (next < end)
	{
		static const char meant[] = "\"\\\b\f\n\r\t";
		static const char letters[] = "\"\\bfnrt";
		uint32_t code = read_utf8(&next);
		const char *letter = code == 0 || code > 0x7f ? NULL : strchr(meant, (int) code);

		if (letter != NULL)
		{
			*out++ = '\\';
			*out++ = letters[letter - meant];
		}
		else if (code >= 0x20 && code < 0x7f)
			*out++ = (char) code;
		else if (code < 0x10000)
			out = write_escape(code, out);
		else
		{
			out = write_escape(0xd800 + ((code - 0x10000) >> 10), out);
			out = write_escape(0xdc00 + (code & 0x3ff), out);
		}
	}
	*out++ = '"';
	return (size_t) (out - start);
}
