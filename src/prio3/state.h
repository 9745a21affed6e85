/*
 * state.h
 *		How prio3_verify_init() writes a state: verify.h says what it is.
 */
#ifndef PRIO_PRIO3_STATE_H
#define PRIO_PRIO3_STATE_H

#include "prio3/verify.h"

/* Bytes of the last part of a state. */
extern size_t prio3_state_secret_size(const Prio3Vdaf *vdaf, PrioRole role);

/* Writes what comes before the verifier share; returns where that goes. */
extern uint8_t *prio3_state_write_head(const Prio3Vdaf *vdaf, PrioRole role, uint8_t *state);

#endif /* PRIO_PRIO3_STATE_H */
