/*
 * json.h
 *		Members of a JSON object (RFC 8259), found where they stand.
 *
 * No tree is built and nothing is allocated: what one needs of a line is its id and its
 * payload, however long that is. Of all other members nothing but the syntax counts: a number may be
 * beyond any range, and a name may be there twice.
 */
#ifndef PRIO_CODEC_JSON_H
#define PRIO_CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Deeper objects and arrays are refused. */
#define PRIO_JSON_MAX_DEPTH 2048

typedef enum PrioJsonKind
{
	PRIO_JSON_NONE, /* there is no such member */
	PRIO_JSON_STRING,
	PRIO_JSON_INTEGER, /* a number without fraction and exponent, of any size */
	PRIO_JSON_OTHER
} PrioJsonKind;

/* A member that is looked for, and its value, which points into the text. */
typedef struct PrioJsonMember
{
	const char *name; /* of at most PRIO_JSON_MAX_NAME characters, ASCII */
	PrioJsonKind kind;
	bool has_escapes; /* a string that prio_json_unescape() would change */
	const char *text; /* as it is written; of a string what is between the quotes */
	size_t size;
} PrioJsonMember;

#define PRIO_JSON_MAX_NAME 16

/*
 * Finds the members, of which there are count. false if the text is anything but one object in valid
 * UTF-8, or if the object has one of these members twice.
 */
extern bool prio_json_members(const char *text, size_t size, PrioJsonMember *members,
							  size_t count);

/*
 * The characters that a string stands for, in UTF-8: never more than it has. out may be the string
 * itself. text is the inside of a string that prio_json_members() has found. false if it has a
 * null character, or half of a surrogate pair: no text can hold these.
 */
extern bool prio_json_unescape(const char *text, size_t size, char *out, size_t *out_size);

/*
 * Writes valid UTF-8 as a string, quotes included, with ASCII alone, as Python's json.dumps() does.
 * out has room for PRIO_JSON_ESCAPED_SIZE(size) characters. Returns how many there are.
 */
#define PRIO_JSON_ESCAPED_SIZE(size) (6 * (size) + 2)
extern size_t prio_json_escape(const char *text, size_t size, char *out);

#endif /* PRIO_CODEC_JSON_H */
