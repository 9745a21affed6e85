/*
 * vdaf.h
 *		One Prio3 VDAF: its circuit and parameters, and all lengths that follow from them.
 *
 * docs/prio3.md has the bytes and the formulas. The drafts 18, 19 and 20 are one on the
 * wire, and so are 8 to 11; the draft is data here: what differs between them is read from
 * the fields of Prio3Vdaf.
 */
#ifndef PRIO_PRIO3_VDAF_H
#define PRIO_PRIO3_VDAF_H

#include "base/int128.h"
#include "base/params.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum Prio3Kind
{
	PRIO3_COUNT = 1,
	PRIO3_SUM = 2,
	PRIO3_SUM_VEC = 3,
	PRIO3_HISTOGRAM = 4,
	PRIO3_MULTIHOT_COUNT_VEC = 5, /* not in draft 8 */
	PRIO3_L1_BOUND_SUM = 7        /* not in draft 8 */
} Prio3Kind;

/* Its name, as options have it: "Prio3Count" ... */
extern const char *prio3_kind_name(Prio3Kind kind);
extern bool prio3_kind_from_name(const char *name, Prio3Kind *kind);

/* All of them, for a message. */
#define PRIO3_KIND_NAMES \
	"Prio3Count, Prio3Sum, Prio3SumVec, Prio3Histogram, Prio3MultihotCountVec or Prio3L1BoundSum"

typedef enum Prio3Draft
{
	PRIO3_DRAFT_8 = 8,
	PRIO3_DRAFT_18 = 18
} Prio3Draft;

/* Has the draft this VDAF? Draft 8 has not all. */
extern bool prio3_draft_has(Prio3Draft draft, Prio3Kind kind);

/* The parameters that a VDAF may have, as users give them: a bit each. */
enum
{
	PRIO3_HAS_MAX_MEASUREMENT = 0x01,
	PRIO3_HAS_BITS = 0x02, /* of the largest measurement, instead of it */
	PRIO3_HAS_LENGTH = 0x04,
	PRIO3_HAS_CHUNK_LENGTH = 0x08, /* the only one that may be left out */
	PRIO3_HAS_MAX_WEIGHT = 0x10,
	PRIO3_HAS_MAX_VALUE = 0x20,
	PRIO3_HAS_EVERY = 0x3f
};

/* Those that it has, in this draft. */
extern unsigned int prio3_parameters(Prio3Draft draft, Prio3Kind kind);

#define PRIO3_NONCE_BYTES 16
#define PRIO3_MAX_SEED_BYTES 32 /* of a seed or a verify key: 32, in draft 8 16 */
#define PRIO3_DRAFT_8_SEED_BYTES 16
#define PRIO3_MAX_CONTEXT 65527     /* bytes: dst has a 16-bit length and 8 bytes besides */
#define PRIO3_MAX_SHARE 1073741000u /* bytes of the leader's share: what fits a bytea */

/* What the two servers and their clients agree on, besides the context and the verify key. */
typedef struct Prio3Parameters
{
	Prio3Kind kind;
	Prio3Draft draft;

	/* Elements of the vector or buckets; 1 for Count and Sum. */
	uint64_t length;

	/* SumVec, Histogram, MultihotCountVec, L1BoundSum: 1 to meas_len. Else 0. */
	uint64_t chunk_length;

	/*
	 * max_measurement, max_weight or max_value; in draft 8 2^bits - 1. 1 for Count and
	 * Histogram.
	 */
	uint64_t max;
} Prio3Parameters;

/* All of it follows from the parameters; none of it is secret. */
typedef struct Prio3Vdaf
{
	Prio3Parameters parameters;

	/* The application context string; the caller keeps it as long as this. Empty in draft 8. */
	const uint8_t *context;
	size_t context_size;

	/* Of the XOF (docs/prio3.md, "The XOF"). */
	uint32_t algorithm_id;
	size_t seed_size; /* bytes of a seed, and of the verify key */

	/* Numbers of field elements (docs/prio3.md, "Lengths"), and bytes of one. */
	size_t element_size;
	size_t bits; /* of one integer of the measurement */
	size_t meas_len;
	size_t output_len;
	size_t arity;
	size_t calls;
	size_t wire_len; /* P */
	size_t proof_len;
	size_t verifier_len;
	size_t joint_rand_len;
	size_t query_rand_len;

	/* Bytes of the messages. */
	size_t public_share_size;
	size_t input_share_size[2]; /* by role */
	size_t rand_size;           /* of a client's randomness */
	size_t verifier_share_size;
	size_t message_size;      /* of the verifier message: 0 or seed_size */
	size_t output_share_size; /* and of an aggregate share */

	/* Integers of a measurement as prio3_shard() takes it. */
	size_t measurement_len;

	/* Roots of unity: 2 P elements, or NULL before prio3_tables_init(). */
	const void *roots;
} Prio3Vdaf;

/* Has this VDAF joint randomness? */
static inline bool
prio3_has_joint_rand(const Prio3Vdaf *vdaf)
{
	return vdaf->joint_rand_len > 0;
}

/*
 * The chunk length that makes proof and verifier share smallest, for so many elements of the
 * measurement, at least 1 (docs/prio3.md, "Chunk length").
 */
extern uint64_t prio3_optimal_chunk_length(uint64_t meas_len);

/*
 * The same from the parameters, whose own chunk_length does not matter; 0 if there is none
 * to choose, or if the other parameters are impossible.
 */
extern uint64_t prio3_default_chunk_length(const Prio3Parameters *parameters);

/*
 * Computes all lengths. PRIO_MISMATCH: no such VDAF, or a parameter that it has not (a
 * length of 0, a chunk_length above the measurement's, max_weight above the length, a
 * context in draft 8 ...); PRIO_WRONG_LENGTH: the leader's share would exceed
 * PRIO3_MAX_SHARE, or the context PRIO3_MAX_CONTEXT. Takes no time to speak of, whatever the parameters.
 */
extern PrioStatus prio3_vdaf_init(Prio3Vdaf *vdaf, const Prio3Parameters *parameters,
								  const uint8_t *context, size_t context_size);

/*
 * The roots of unity that prio3_shard() and prio3_verify_init() need: so many bytes of
 * memory, aligned as malloc() does, which the caller keeps as long as vdaf. The rest works
 * without. PRIO_INTERRUPTED is the only failure.
 */
extern size_t prio3_tables_size(const Prio3Vdaf *vdaf);
extern PrioStatus prio3_tables_init(Prio3Vdaf *vdaf, void *memory, PrioStop stop);

#endif /* PRIO_PRIO3_VDAF_H */
