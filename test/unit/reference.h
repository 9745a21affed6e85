/*
 * reference.h
 *		What the core is compared with: integers modulo p bit by bit, and messages as
 *		msgpack-c's parser of general objects sees them.
 *
 * Too plain to be wrong, and too slow for anything else. Nothing here calls the core.
 */
#ifndef PRIO_TEST_REFERENCE_H
#define PRIO_TEST_REFERENCE_H

#include "field/field87.h"
#include "prio1/packet.h"

/* ------------------------------------------------------------------ integers below p */

#define BIT(i) ((prio_uint128) 1 << (i))
#define SLOW_P (BIT(87) + BIT(19) + 1)

/* Operands below p, but for b of slow_mul() and exponents, which may be anything. */
extern prio_uint128 slow_add(prio_uint128 a, prio_uint128 b);
extern prio_uint128 slow_mul(prio_uint128 a, prio_uint128 b);
extern prio_uint128 slow_pow(prio_uint128 a, prio_uint128 exponent);

/* The root of unity of order 2^log_order. */
extern prio_uint128 slow_root(int log_order);

/* What an unreduced sum stands for. */
extern prio_uint128 slow_sum(const Field87Sum *sum);

/* value < 2^88 as an element, limb by limb; and the value of limbs in range. */
extern Field87 slow_element(prio_uint128 value);
extern prio_uint128 slow_value(Field87 element);

/* size <= 16 bytes, big endian. */
extern prio_uint128 slow_from_bytes(const uint8_t *bytes, size_t size);

/* What PrioKernels.accept() must do, a byte at a time. */
extern size_t slow_accept(const uint8_t *bytes, size_t candidates, Field87 *out);

/* ------------------------------------------------------------------ messages */

/*
 * What may be said against a message: a bit for every status. A message with several
 * faults may be refused for any of them, and one without must be taken.
 */
typedef unsigned int Faults;

#define NO_FAULTS 0u
#define FAULT(status) (1u << (status))

/* Is a reader right that comes to this status? */
static inline bool
faults_allow(Faults faults, PrioStatus status)
{
	return status == PRIO_OK ? faults == NO_FAULTS : (faults & FAULT(status)) != 0;
}

/*
 * Each reads what the message begins with: msgpack-c parses it, and must write the same
 * bytes again (the one spelling of packet.h). *used is how many they are, or 0 where that
 * fails. Without a fault the result is written.
 */
extern Faults general_read_str(const uint8_t *bytes, size_t size, const uint8_t **content,
							   size_t *content_size, size_t *used);
extern Faults general_read_element(const uint8_t *bytes, size_t size, Field87 *element,
								   size_t *used);
extern Faults general_read_role(const uint8_t *bytes, size_t size, PrioRole *role, size_t *used);

/*
 * The head alone, whatever follows it. One that claims more elements than the message has
 * bytes counts as malformed or of a wrong length.
 */
extern Faults general_read_head(const uint8_t *bytes, size_t size, size_t *count, size_t *used);

/* An array of elements, as one object; elements has room for size / 2 of them. */
extern Faults general_read_array(const uint8_t *bytes, size_t size, Field87 *elements,
								 size_t *count, size_t *used);

#endif /* PRIO_TEST_REFERENCE_H */
