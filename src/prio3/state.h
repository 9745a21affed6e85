/*
 * state.h
 *		The parts of a state: verify.h says what it is.
 */
#ifndef PRIO_PRIO3_STATE_H
#define PRIO_PRIO3_STATE_H

#include "prio3/verify.h"

/* Bytes of the last part of a state. */
extern size_t prio3_state_secret_size(const Prio3Vdaf *vdaf, PrioRole role);

/* Writes what comes before the verifier share; returns where that goes. */
extern uint8_t *prio3_state_write_head(const Prio3Vdaf *vdaf, PrioRole role, uint8_t *state);

/*
 * Reads what a state begins with, up to the verifier share: head_size bytes of it. Fails as
 * prio3_state_read() does.
 */
extern PrioStatus prio3_state_read_head(const uint8_t *bytes, size_t size, Prio3Vdaf *vdaf,
										PrioRole *role, size_t *head_size);

#endif /* PRIO_PRIO3_STATE_H */
