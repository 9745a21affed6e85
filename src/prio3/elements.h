/*
 * elements.h
 *		Vectors of field elements as bytes, of whichever field a VDAF has.
 */
#ifndef PRIO_PRIO3_ELEMENTS_H
#define PRIO_PRIO3_ELEMENTS_H

#include "prio3/vdaf.h"

/*
 * Is each of count elements below p? Shows whether, and nothing more: what is sent by a
 * peer or a client is refused for it.
 */
extern bool prio3_elements_are_reduced(const Prio3Vdaf *vdaf, const uint8_t *bytes,
									   size_t count);

/* a += b and a -= b, for count elements. */
extern void prio3_elements_add(const Prio3Vdaf *vdaf, uint8_t *a, const uint8_t *b,
							   size_t count);
extern void prio3_elements_subtract(const Prio3Vdaf *vdaf, uint8_t *a, const uint8_t *b,
									size_t count);

/*
 * Moves the elements that are below p to the front, in their order, and returns how many
 * there are.
 */
extern size_t prio3_elements_accept(const Prio3Vdaf *vdaf, uint8_t *bytes, size_t count);

#endif /* PRIO_PRIO3_ELEMENTS_H */
