/*
 * proof.h
 *		The circuits and their proof system (docs/prio3.md, "Circuits", "The proof").
 *
 * Over Field64 and Field128 alike; vectors of elements are bytes, as in the messages.
 */
#ifndef PRIO_PRIO3_PROOF_H
#define PRIO_PRIO3_PROOF_H

#include "prio3/vdaf.h"

/* Bytes of scratch memory, aligned as malloc() does. The callers wipe it. */
extern size_t prio3_prove_scratch(const Prio3Vdaf *vdaf);
extern size_t prio3_query_scratch(const Prio3Vdaf *vdaf);

/*
 * The measurement as elements: bits, most of them. meas has room for vdaf->meas_len elements.
 * PRIO_OUT_OF_RANGE as prio3_shard() says.
 */
extern PrioStatus prio3_encode(const Prio3Vdaf *vdaf, const uint64_t *measurement,
							   uint8_t *meas);

/*
 * The proof that meas is valid, vdaf->proof_len elements. proof begins with the seeds of the
 * wires already (vdaf->arity elements).
 */
extern PrioStatus prio3_prove(const Prio3Vdaf *vdaf, const uint8_t *meas,
							  const uint8_t *joint_rand, uint8_t *proof, void *scratch,
							  PrioStop stop);

/*
 * A server's share of the verifier, vdaf->verifier_len elements, from its shares of the
 * measurement and the proof. PRIO_BAD_POINT, PRIO_INTERRUPTED.
 */
extern PrioStatus prio3_query(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
							  const uint8_t *query_rand, const uint8_t *joint_rand,
							  uint8_t *verifier, void *scratch, PrioStop stop);

/* Do the sums of both shares of the verifier say that the measurement is valid? */
extern bool prio3_decide(const Prio3Vdaf *vdaf, const uint8_t *a, const uint8_t *b);

/* The output share, vdaf->output_len elements, from the share of the measurement. */
extern void prio3_truncate(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output);

#endif /* PRIO_PRIO3_PROOF_H */
