/*
 * proof128.c
 *		The circuits over Field128.
 */
#include "prio3/proof_fields.h"

#include "base/secret.h"
#include "field/domain.h"

#include <string.h>

#define FIELD Field128
#define SUM Field128Sum
#define F(name) field128_##name
#define DOMAIN(name) prio_domain128_##name
#define PROOF(name) name##_128
#define FIELD_SIZE FIELD128_BYTES
#define FIELD_ZERO FIELD128_ZERO
#define FIELD_ONE FIELD128_ONE
#define FIELD_HALF FIELD128_HALF
#define FIELD_POW(a, exponent) prio_field128_pow(a, exponent)

#include "prio3/proof_template.h"

const Prio3ProofFunctions prio3_proof128 = {prove_scratch_128, query_scratch_128,
											prove_128,         query_128,
											decide_128,        truncate_128};
