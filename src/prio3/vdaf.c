/*
 * vdaf.c
 *		Lengths, from the parameters.
 */
#include "prio3/vdaf.h"

#include "field/domain.h"

#include <string.h>

static const struct
{
	const char *name;
	Prio3Kind kind;
} kinds[] = {
	{"Prio3Count", PRIO3_COUNT},
	{"Prio3Sum", PRIO3_SUM},
	{"Prio3SumVec", PRIO3_SUM_VEC},
	{"Prio3Histogram", PRIO3_HISTOGRAM},
	{"Prio3MultihotCountVec", PRIO3_MULTIHOT_COUNT_VEC},
	{"Prio3L1BoundSum", PRIO3_L1_BOUND_SUM},
};

const char *
prio3_kind_name(Prio3Kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "Prio3";
}

bool
prio3_kind_from_name(const char *name, Prio3Kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
		{
			*kind = kinds[i].kind;
			return true;
		}
	return false;
}

bool
prio3_draft_has(Prio3Draft draft, Prio3Kind kind)
{
	return draft != PRIO3_DRAFT_8 ||
		(kind != PRIO3_MULTIHOT_COUNT_VEC && kind != PRIO3_L1_BOUND_SUM);
}

unsigned int
prio3_parameters(Prio3Draft draft, Prio3Kind kind)
{
	const unsigned int largest =
		draft == PRIO3_DRAFT_8 ? PRIO3_HAS_BITS : PRIO3_HAS_MAX_MEASUREMENT;
	const unsigned int vector = PRIO3_HAS_LENGTH | PRIO3_HAS_CHUNK_LENGTH;

	if (!prio3_draft_has(draft, kind))
		return 0;
	switch (kind)
	{
		case PRIO3_COUNT:
			return 0;
		case PRIO3_SUM:
			return largest;
		case PRIO3_SUM_VEC:
			return vector | largest;
		case PRIO3_HISTOGRAM:
			return vector;
		case PRIO3_MULTIHOT_COUNT_VEC:
			return vector | PRIO3_HAS_MAX_WEIGHT;
		case PRIO3_L1_BOUND_SUM:
			return vector | PRIO3_HAS_MAX_VALUE;
	}
	return 0;
}

/* How many bits an integer takes; 0 for 0. */
static size_t
bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64 - (size_t) __builtin_clzll(value);
}

static uint64_t
divide_rounding_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static bool
has_chunks(Prio3Kind kind)
{
	return kind != PRIO3_COUNT && kind != PRIO3_SUM;
}

/* Proof and verifier share grow with 2 chunk + 2 (calls + 1); no call is wasted on padding. */
uint64_t
prio3_optimal_chunk_length(uint64_t meas_len)
{
	uint64_t best = meas_len;
	uint64_t best_cost = UINT64_MAX;

	for (uint64_t calls = 1; calls <= meas_len; calls = 2 * calls + 1)
	{
		uint64_t chunk = divide_rounding_up(meas_len, calls);
		uint64_t cost = 2 * chunk + 2 * calls + 1;

		if (cost <= best_cost)
		{
			best = chunk;
			best_cost = cost;
		}
	}
	return best;
}

/* Elements of the measurement, or 0 if there is no such VDAF. */
static uint64_t
measurement_elements(const Prio3Parameters *p)
{
	uint64_t bits = bit_length(p->max);
	bool draft_8 = p->draft == PRIO3_DRAFT_8;

	if (p->draft != PRIO3_DRAFT_8 && p->draft != PRIO3_DRAFT_18)
		return 0;
	if (p->length == 0 || p->max == 0 || !prio3_draft_has(p->draft, p->kind))
		return 0;
	/* Draft 8 knows bits alone. */
	if (draft_8 && (p->max & (p->max + 1)) != 0)
		return 0;
	/* Far beyond what fits a share, and low enough for what is computed below. */
	if (p->length > PRIO3_MAX_SHARE)
		return UINT64_MAX;
	switch (p->kind)
	{
		case PRIO3_COUNT:
			return p->length == 1 && p->max == 1 ? 1 : 0;
		case PRIO3_SUM:
			return p->length == 1 && (draft_8 || p->max < FIELD64_P) ? bits : 0;
		case PRIO3_SUM_VEC:
			return p->length * bits;
		case PRIO3_HISTOGRAM:
			return p->max == 1 ? p->length : 0;
		case PRIO3_MULTIHOT_COUNT_VEC:
			return p->max <= p->length ? p->length + bits : 0;
		case PRIO3_L1_BOUND_SUM:
			return (p->length + 1) * bits;
	}
	return 0;
}

uint64_t
prio3_default_chunk_length(const Prio3Parameters *parameters)
{
	uint64_t meas_len = measurement_elements(parameters);

	if (meas_len == 0 || meas_len == UINT64_MAX || !has_chunks(parameters->kind))
		return 0;
	return prio3_optimal_chunk_length(meas_len);
}

static void
set_query_lengths(Prio3Vdaf *vdaf)
{
	const Prio3Parameters *p = &vdaf->parameters;
	size_t results = 1;

	if (p->draft == PRIO3_DRAFT_8)
	{
		vdaf->joint_rand_len = p->kind == PRIO3_COUNT ? 0 : p->kind == PRIO3_HISTOGRAM ? 2 : 1;
		vdaf->query_rand_len = 1;
		return;
	}
	vdaf->joint_rand_len = has_chunks(p->kind) ? vdaf->calls : 0;
	if (p->kind == PRIO3_SUM)
		results = vdaf->bits;
	else if (has_chunks(p->kind) && p->kind != PRIO3_SUM_VEC)
		results = 2;
	vdaf->query_rand_len = 1 + (results > 1 ? results : 0);
}

static void
set_sizes(Prio3Vdaf *vdaf)
{
	size_t seed = vdaf->seed_size;
	/* Draft 8 has a seed of its own for the proof share. */
	size_t helper = vdaf->parameters.draft == PRIO3_DRAFT_8 ? 2 * seed : seed;
	size_t blind = prio3_has_joint_rand(vdaf) ? seed : 0;

	vdaf->public_share_size = 2 * blind;
	vdaf->input_share_size[PRIO_A] =
		vdaf->element_size * (vdaf->meas_len + vdaf->proof_len) + blind;
	vdaf->input_share_size[PRIO_B] = helper + blind;
	vdaf->rand_size = helper + 2 * blind + seed;
	vdaf->verifier_share_size = vdaf->element_size * vdaf->verifier_len + blind;
	vdaf->message_size = blind;
	vdaf->output_share_size = vdaf->element_size * vdaf->output_len;
}

PrioStatus
prio3_vdaf_init(Prio3Vdaf *vdaf, const Prio3Parameters *parameters, const uint8_t *context,
				size_t context_size)
{
	const Prio3Parameters *p = parameters;
	bool draft_8 = p->draft == PRIO3_DRAFT_8;
	bool chunks = has_chunks(p->kind);
	uint64_t meas_len = measurement_elements(p);
	uint64_t calls;
	uint64_t wire_len;
	uint64_t arity;
	uint64_t elements;

	if (meas_len == 0 || (draft_8 && context_size > 0) || (!chunks && p->chunk_length != 0) ||
		(chunks && (p->chunk_length == 0 || p->chunk_length > meas_len)))
		return PRIO_MISMATCH;
	if (meas_len > PRIO3_MAX_SHARE || context_size > PRIO3_MAX_CONTEXT)
		return PRIO_WRONG_LENGTH;

	memset(vdaf, 0, sizeof(*vdaf));
	vdaf->parameters = *p;
	vdaf->context = context;
	vdaf->context_size = context_size;
	vdaf->algorithm_id = draft_8 ? (uint32_t) p->kind - 1 : (uint32_t) p->kind;
	vdaf->seed_size = draft_8 ? PRIO3_DRAFT_8_SEED_BYTES : PRIO3_MAX_SEED_BYTES;
	vdaf->element_size = p->kind == PRIO3_COUNT || (p->kind == PRIO3_SUM && !draft_8) ?
		FIELD64_BYTES :
		FIELD128_BYTES;
	vdaf->bits = bit_length(p->max);

	calls = chunks ? divide_rounding_up(meas_len, p->chunk_length) : meas_len;
	arity = chunks ? 2 * p->chunk_length : p->kind == PRIO3_COUNT ? 2 : 1;
	wire_len = UINT64_C(1) << bit_length(calls); /* the power of two from calls + 1 */
	elements = meas_len + arity + 2 * wire_len - 1;
	if (elements > PRIO3_MAX_SHARE / vdaf->element_size - PRIO3_MAX_SEED_BYTES)
		return PRIO_WRONG_LENGTH;

	vdaf->meas_len = (size_t) meas_len;
	vdaf->output_len = (size_t) p->length;
	vdaf->measurement_len = p->kind == PRIO3_HISTOGRAM ? 1 : (size_t) p->length;
	vdaf->arity = (size_t) arity;
	vdaf->calls = (size_t) calls;
	vdaf->wire_len = (size_t) wire_len;
	vdaf->proof_len = (size_t) (arity + 2 * wire_len - 1);
	vdaf->verifier_len = (size_t) arity + 2;
	set_query_lengths(vdaf);
	set_sizes(vdaf);
	return PRIO_OK;
}

size_t
prio3_tables_size(const Prio3Vdaf *vdaf)
{
	return 2 * vdaf->wire_len * vdaf->element_size;
}

PrioStatus
prio3_tables_init(Prio3Vdaf *vdaf, void *memory, PrioStop stop)
{
	PrioStatus status = vdaf->element_size == FIELD64_BYTES ?
		prio_domain64_roots(memory, 2 * vdaf->wire_len, stop) :
		prio_domain128_roots(memory, 2 * vdaf->wire_len, stop);

	vdaf->roots = status == PRIO_OK ? memory : NULL;
	return status;
}
