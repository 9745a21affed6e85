/*
 * prio3_slow.h
 *		The query of Prio3's proof system as the specification writes it: polynomials by their
 *		coefficients, Horner's rule, integers modulo p bit by bit.
 */
#ifndef PRIO_TEST_PRIO3_SLOW_H
#define PRIO_TEST_PRIO3_SLOW_H

#include "base/int128.h"
#include "prio3/vdaf.h"

/*
 * The verifier share of one server, vdaf->verifier_len elements in bytes; false if the
 * query point is a root of unity. All vectors are elements in bytes.
 */
extern bool slow_query(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
					   const uint8_t *query_rand, const uint8_t *joint_rand, uint8_t *verifier);

/* The output share, vdaf->output_len elements in bytes. */
extern void slow_truncate(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output);

#endif /* PRIO_TEST_PRIO3_SLOW_H */
