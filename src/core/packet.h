/*
 * packet.h
 *		The messages (PROTOCOL.md, "Wire format"): MessagePack objects one after another.
 *
 * What is read must be written the one way the protocol allows: `str` in the shortest
 * form that fits, elements without leading zero bytes, nothing behind the last object.
 * Honest clients and libprio write nothing else, and it leaves a hostile one no two
 * spellings of one packet.
 */
#ifndef PRIO_PACKET_H
#define PRIO_PACKET_H

#include "field.h"
#include "prg.h"
#include "status.h"

typedef enum PrioRole
{
	PRIO_A = 0,
	PRIO_B = 1
} PrioRole;

#define PACKET_MAX_BATCH_ID 65535            /* bytes: what a str with a 16-bit length holds */
#define PACKET_MAX_ELEMENT (1 + FIELD_BYTES) /* bytes of a written element */

/* The six elements that every client packet begins with. */
typedef struct PacketHeader
{
	FieldElement a; /* shares of the Beaver triple */
	FieldElement b;
	FieldElement c;
	FieldElement f0; /* shares of f(1), g(1), h(1) */
	FieldElement g0;
	FieldElement h0;
} PacketHeader;

/* ------------------------------------------------------------------ reading */

typedef struct PacketReader
{
	const uint8_t *next;
	const uint8_t *end;
} PacketReader;

static inline PacketReader
packet_reader(const uint8_t *bytes, size_t size)
{
	PacketReader reader = {bytes, bytes + size};

	return reader;
}

/* A str of exactly this content; PRIO_WRONG_BATCH for any other. */
extern PrioStatus packet_read_batch_id(PacketReader *reader, const uint8_t *batch_id,
									   size_t size);
/* A str of any content. */
extern PrioStatus packet_skip_batch_id(PacketReader *reader);
/* A str of size bytes; PRIO_WRONG_LENGTH for any other length. */
extern PrioStatus packet_read_bytes(PacketReader *reader, uint8_t *out, size_t size);
extern PrioStatus packet_read_element(PacketReader *reader, FieldElement *element);
extern PrioStatus packet_read_header(PacketReader *reader, PacketHeader *header);
extern PrioStatus packet_read_role(PacketReader *reader, PrioRole *role);

/*
 * The head of an array: *count elements follow, each of which takes two bytes or more,
 * so *count never exceeds half of what is left; PRIO_MALFORMED if it would.
 */
extern PrioStatus packet_read_array(PacketReader *reader, size_t *count);

/*
 * Like the above for an array that must have this many elements: PRIO_WRONG_LENGTH if it
 * claims another number, PRIO_MALFORMED if they cannot be there.
 */
extern PrioStatus packet_read_array_of(PacketReader *reader, size_t count);

/* The next count elements. */
extern PrioStatus packet_read_elements(PacketReader *reader, FieldElement *out, size_t count);

/* PRIO_MALFORMED unless everything has been read. */
extern PrioStatus packet_read_end(const PacketReader *reader);

/* ------------------------------------------------------------------ writing */

/*
 * Appends to a buffer of a fixed size. Who makes one knows how much fits: an overrun is
 * not written and sets overrun.
 */
typedef struct PacketWriter
{
	uint8_t *next;
	uint8_t *end;
	bool overrun;
} PacketWriter;

static inline PacketWriter
packet_writer(uint8_t *bytes, size_t size)
{
	PacketWriter writer = {bytes, bytes + size, false};

	return writer;
}

extern void packet_write_bytes(PacketWriter *writer, const uint8_t *bytes, size_t size);
extern void packet_write_element(PacketWriter *writer, FieldElement element);
extern void packet_write_header(PacketWriter *writer, const PacketHeader *header);
extern void packet_write_role(PacketWriter *writer, PrioRole role);
extern void packet_write_array(PacketWriter *writer, const FieldElement *elements, size_t count);

/* ------------------------------------------------------------------ sizes, in bytes */

/* No plaintext of a packet for n data fields is longer. */
extern size_t packet_max_plaintext(PrioRole role, size_t batch_id_size, size_t n);

/* No array of count elements is longer. */
extern size_t packet_max_array(size_t count);

#endif /* PRIO_PACKET_H */
