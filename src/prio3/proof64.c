/*
 * proof64.c
 *		The circuits over Field64.
 */
#include "prio3/proof_fields.h"

#include "base/secret.h"
#include "field/domain.h"

#include <string.h>

#define FIELD Field64
#define SUM Field64Sum
#define F(name) field64_##name
#define DOMAIN(name) prio_domain64_##name
#define PROOF(name) name##_64
#define FIELD_SIZE FIELD64_BYTES
#define FIELD_ZERO FIELD64_ZERO
#define FIELD_ONE FIELD64_ONE
#define FIELD_HALF FIELD64_HALF
#define FIELD_POW(a, exponent) prio_field64_pow(a, exponent)

#include "prio3/proof_template.h"

const Prio3ProofFunctions prio3_proof64 = {prove_scratch_64, query_scratch_64, prove_64,
										   query_64,         decide_64,        truncate_64};
