/*
 * packet.h
 *		The messages (docs/protocol.md, "Wire format"): MessagePack objects one after another.
 *
 * What is read must be written the one way the protocol allows: `str` in the shortest
 * form that fits, elements without leading zero bytes, nothing behind the last object.
 * Honest clients and libprio write nothing else, and it leaves a hostile one no two
 * spellings of one packet.
 */
#ifndef PRIO_PRIO1_PACKET_H
#define PRIO_PRIO1_PACKET_H

#include "field/field87.h"
#include "prio1/prg.h"
#include "base/status.h"

#define PRIO1_MAX_ELEMENT (1 + FIELD87_BYTES) /* bytes of a written element */

/* The six elements that every client packet begins with. */
typedef struct Prio1PacketHeader
{
	Field87 a; /* shares of the Beaver triple */
	Field87 b;
	Field87 c;
	Field87 f0; /* shares of f(1), g(1), h(1) */
	Field87 g0;
	Field87 h0;
} Prio1PacketHeader;

/* ------------------------------------------------------------------ reading */

typedef struct Prio1PacketReader
{
	const uint8_t *next;
	const uint8_t *end;
} Prio1PacketReader;

static inline Prio1PacketReader
prio1_packet_reader(const uint8_t *bytes, size_t size)
{
	Prio1PacketReader reader = {bytes, bytes + size};

	return reader;
}

/* A str of exactly this content; PRIO_WRONG_BATCH for any other. */
extern PrioStatus prio1_packet_read_batch_id(Prio1PacketReader *reader,
											 const uint8_t *batch_id, size_t size);
/* A str of any content. */
extern PrioStatus prio1_packet_skip_batch_id(Prio1PacketReader *reader);
/* A str of size bytes; PRIO_WRONG_LENGTH for any other length. */
extern PrioStatus prio1_packet_read_bytes(Prio1PacketReader *reader, uint8_t *out, size_t size);
extern PrioStatus prio1_packet_read_element(Prio1PacketReader *reader, Field87 *element);
extern PrioStatus prio1_packet_read_header(Prio1PacketReader *reader, Prio1PacketHeader *header);
extern PrioStatus prio1_packet_read_role(Prio1PacketReader *reader, PrioRole *role);

/*
 * The head of an array: *count elements follow, each of which takes two bytes or more,
 * so *count never exceeds half of what is left; PRIO_MALFORMED if it would.
 */
extern PrioStatus prio1_packet_read_array(Prio1PacketReader *reader, size_t *count);

/*
 * Like the above for an array that must have this many elements: PRIO_WRONG_LENGTH if it
 * claims another number, PRIO_MALFORMED if they cannot be there.
 */
extern PrioStatus prio1_packet_read_array_of(Prio1PacketReader *reader, size_t count);

/* The next count elements. */
extern PrioStatus prio1_packet_read_elements(Prio1PacketReader *reader, Field87 *out,
											 size_t count);

/* PRIO_MALFORMED unless everything has been read. */
extern PrioStatus prio1_packet_read_end(const Prio1PacketReader *reader);

/* ------------------------------------------------------------------ writing */

/*
 * Appends to a buffer of a fixed size. Who makes one knows how much fits: an overrun is
 * not written and sets overrun.
 */
typedef struct Prio1PacketWriter
{
	uint8_t *next;
	uint8_t *end;
	bool overrun;
} Prio1PacketWriter;

static inline Prio1PacketWriter
prio1_packet_writer(uint8_t *bytes, size_t size)
{
	Prio1PacketWriter writer = {bytes, bytes + size, false};

	return writer;
}

extern void prio1_packet_write_bytes(Prio1PacketWriter *writer, const uint8_t *bytes,
									 size_t size);
extern void prio1_packet_write_element(Prio1PacketWriter *writer, Field87 element);
extern void prio1_packet_write_header(Prio1PacketWriter *writer,
									  const Prio1PacketHeader *header);
extern void prio1_packet_write_role(Prio1PacketWriter *writer, PrioRole role);
extern void prio1_packet_write_array(Prio1PacketWriter *writer, const Field87 *elements,
									 size_t count);
/* The same in pieces: what an array of count elements begins with, then all of them. */
extern void prio1_packet_write_array_head(Prio1PacketWriter *writer, size_t count);
extern void prio1_packet_write_elements(Prio1PacketWriter *writer, const Field87 *elements,
										size_t count);

/* ------------------------------------------------------------------ sizes, in bytes */

/* No plaintext of a packet for n data fields is longer. */
extern size_t prio1_packet_max_plaintext(PrioRole role, size_t batch_id_size, size_t n);

/* No array of count elements is longer. */
extern size_t prio1_packet_max_array(size_t count);

#endif /* PRIO_PRIO1_PACKET_H */
