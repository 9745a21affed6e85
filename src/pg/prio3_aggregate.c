/*
 * prio3_aggregate.c
 *		Aggregate shares and the result.
 *
 * The state of both aggregates is a bytea: PostgreSQL hands it on as it is between workers, and
 * Citus between machines. Within an aggregate it is added to where it lies. It is
 *
 *	head || byte(pending) || room for PENDING seeds || sums
 *
 * head is what a verify state begins with (docs/prio3.md, "State"). Server B keeps seeds rather than
 * output shares; it gathers the seeds of accepted reports, as many as are expanded side by side. Server
 * A has no such room. Anybody may call the functions of an aggregate with bytes of their own: so
 * every state is checked, and what comes out of the last function are elements below p.
 */
#include "prio3_state.h"

#include "prio3/aggregate.h"
#include "prio3/state.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PRIO_FUNCTION(prio3_agg_share_accum);
PRIO_FUNCTION(prio3_merge_accum);
PRIO_FUNCTION(prio3_aggregate_combine);
PRIO_FUNCTION(prio3_aggregate_final);
PRIO_FUNCTION(prio3_sql_subtract);
PRIO_FUNCTION(prio3_sql_unshard);

#define PENDING PRIO3_LANES

/* Output shares that are longer are made one at a time: bytes. */
#define LONGEST_TOGETHER ((Size) 1024 * 1024)

/* ------------------------------------------------------------------ states */

typedef struct State
{
	bytea *value; /* with a length word of four bytes; NULL before the first row */
	Prio3Vdaf vdaf;
	PrioRole role;
	Size head_size;

	/* These point into it. */
	uint8_t *pending; /* how many seeds there are */
	uint8_t *seeds;
	uint8_t *sums;
} State;

static Size
seeds_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return role == PRIO_B ? PENDING * vdaf->seed_size : 0;
}

static Size
state_size(const State *state)
{
	return state->head_size + 1 + seeds_size(&state->vdaf, state->role) +
		state->vdaf.output_share_size;
}

/* Where things are, once VDAF, role and head are known. */
static void
set_places(State *state)
{
	state->pending = (uint8_t *) VARDATA(state->value) + state->head_size;
	state->seeds = state->pending + 1;
	state->sums = state->seeds + seeds_size(&state->vdaf, state->role);
}

/* A new state, a sum of nothing, with the head of size bytes. */
static void
make_state(State *state, const Prio3Vdaf *vdaf, PrioRole role, const uint8_t *head, Size size)
{
	state->vdaf = *vdaf;
	state->role = role;
	state->head_size = size;
	state->value = prio_allocate_bytea(state_size(state));
	memset(VARDATA(state->value), 0, state_size(state));
	memcpy(VARDATA(state->value), head, size);
	set_places(state);
}

/* Raises the error for bytes that are no state. */
static _Noreturn void
report_damaged_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("state of an aggregate is damaged"),
			 errdetail("It was not made by prio3_agg_share() or prio3_merge().")));
}

/*
 * The state that came as an argument, to be changed or not: where it lies, or a copy. An
 * aggregate owns the state that it hands to its functions, argument 0, and lets them change
 * it. From any other caller a state to be changed is copied.
 */
static State
state_arg(FunctionCallInfo fcinfo, int argument, bool to_change)
{
	State state = {NULL};
	Datum datum;
	Size size;

	if (PG_ARGISNULL(argument))
		return state;
	datum = PG_GETARG_DATUM(argument);
	if (VARATT_IS_EXTENDED(DatumGetPointer(datum)) ||
		(to_change && AggCheckCallContext(fcinfo, NULL) == 0))
		state.value = DatumGetByteaPCopy(datum);
	else
		state.value = (bytea *) DatumGetPointer(datum);

	size = VARSIZE(state.value) - VARHDRSZ;
	if (prio3_state_read_head((uint8_t *) VARDATA(state.value), size, &state.vdaf, &state.role,
							  &state.head_size) != PRIO_OK ||
		size != state_size(&state))
		report_damaged_state();
	set_places(&state);
	if (*state.pending > (state.role == PRIO_B ? PENDING - 1 : 0))
		report_damaged_state();
	return state;
}

static Datum
state_result(FunctionCallInfo fcinfo, const State *state)
{
	if (state->value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(state->value);
}

/* Raises an error unless both are of one server. */
static void
check_heads(const State *state, const uint8_t *head, Size size)
{
	if (size != state->head_size || memcmp(VARDATA(state->value), head, size) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add up shares of different servers"),
				 errdetail("Two shares differ in role, VDAF, parameters, draft or context."),
				 errhint("Group the rows by server. Only prio3_unshard() brings both servers "
						 "together.")));
}

/* ------------------------------------------------------------------ adding up */

/*
 * Adds the output shares of so many seeds of server B to sums. The message of each was accepted
 * before: so none has to be here.
 */
static void
add_seeds(FunctionCallInfo fcinfo, const Prio3Vdaf *vdaf, const uint8_t *seeds, int count,
		  uint8_t *sums)
{
	static const uint8_t no_message[PRIO3_MAX_SEED_BYTES];
	Prio3Finish report[PENDING] = {{0}};
	Size size = vdaf->output_share_size;
	int together = size > LONGEST_TOGETHER ? 1 : PENDING;
	void *scratch =
		prio_call_scratch(fcinfo, prio3_verify_next_scratch(vdaf, PRIO_B, (Size) together));
	uint8_t *output =
		MemoryContextAllocHuge(CurrentMemoryContext, size * (Size) Min(count, together));
	PrioStatus status = PRIO_OK;

	for (int done = 0; done < count && status == PRIO_OK; done += together)
	{
		int n = Min(count - done, together);

		for (int i = 0; i < n; i++)
			report[i] = (Prio3Finish){.joint_seed = no_message,
									  .secret = seeds + (Size) (done + i) * vdaf->seed_size,
									  .message = no_message,
									  .message_size = vdaf->message_size,
									  .output_share = output + (Size) i * size};
		status = prio3_verify_next(vdaf, PRIO_B, report, (Size) n, scratch, prio_cancelled);
		for (int i = 0; i < n && status == PRIO_OK; i++)
			prio3_aggregate_add(vdaf, sums, output + (Size) i * size);
	}
	prio_wipe(output, size * (Size) Min(count, together));
	prio_wipe_stack();
	prio_check(status);
	pfree(output);
}

/* Adds the output share of a state whose message was accepted. */
static void
add_report(FunctionCallInfo fcinfo, State *state, const Prio3State *report)
{
	Size seed = state->vdaf.seed_size;

	if (state->role == PRIO_A)
	{
		prio3_aggregate_add(&state->vdaf, state->sums, report->secret);
		return;
	}
	memcpy(state->seeds + *state->pending * seed, report->secret, seed);
	if (*state->pending < PENDING - 1)
	{
		++*state->pending;
		return;
	}
	add_seeds(fcinfo, &state->vdaf, state->seeds, PENDING, state->sums);
	prio_wipe(state->seeds, PENDING * seed);
	*state->pending = 0;
}

/*
 * Transition of prio3_agg_share(state prio3_verify_state, message bytea).
 */
Datum
prio3_agg_share_accum(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	Datum datum;
	Prio3State report;
	const uint8_t *head;
	const uint8_t *message;
	Size head_size;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return state_result(fcinfo, &state);
	datum = PointerGetDatum(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1)));
	prio_whole_state_from_datum(datum, &report);
	head = (const uint8_t *) VARDATA_ANY(DatumGetPointer(datum));
	head_size = (Size) (report.verifier_share - head);
	if (state.value == NULL)
		make_state(&state, &report.vdaf, report.role, head, head_size);
	check_heads(&state, head, head_size);

	message = prio_bytes_of_size(PG_GETARG_DATUM(2), report.vdaf.message_size);
	if (message != NULL &&
		prio3_check_message(&report.vdaf, report.joint_seed, message,
							report.vdaf.message_size) == PRIO_OK)
		add_report(fcinfo, &state, &report);
	if (DatumGetPointer(datum) != DatumGetPointer(PG_GETARG_DATUM(1)))
		pfree(DatumGetPointer(datum));
	return state_result(fcinfo, &state);
}

/* The aggregate share in an argument; raises an error for what is none. */
static const uint8_t *
agg_share_arg(FunctionCallInfo fcinfo, int argument, const Prio3Vdaf *vdaf, const char *name)
{
	Size size = toast_raw_datum_size(PG_GETARG_DATUM(argument)) - VARHDRSZ;
	const uint8_t *share =
		prio_bytes_of_size(PG_GETARG_DATUM(argument), vdaf->output_share_size);

	if (share == NULL || prio3_check_aggregate(vdaf, share, size) != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("%s is not an aggregate share", name),
				 share == NULL ?
					 errdetail("One of this server's VDAF has %zu bytes, not %zu.",
							   vdaf->output_share_size, size) :
					 errdetail("It is damaged, or of another VDAF: an element is not below the "
							   "modulus.")));
	return share;
}

/*
 * Transition of prio3_merge(server text, agg_share bytea).
 */
Datum
prio3_merge_accum(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	const CachedServer *server;
	const Prio3Vdaf *vdaf;
	const uint8_t *share;
	uint8_t *head;
	Size head_size;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return state_result(fcinfo, &state);
	server = prio_lookup_prio3(PG_GETARG_TEXT_PP(1), false);
	vdaf = &server->prio3->vdaf;
	share = agg_share_arg(fcinfo, 2, vdaf, "agg_share");
	head = palloc(prio3_state_size(vdaf, server->role));
	head_size = (Size) (prio3_state_write_head(vdaf, server->role, head) - head);
	if (state.value == NULL)
		make_state(&state, vdaf, server->role, head, head_size);
	check_heads(&state, head, head_size);
	prio3_aggregate_add(&state.vdaf, state.sums, share);
	pfree(head);
	return state_result(fcinfo, &state);
}

/*
 * Combine function of both aggregates: adds up the states of two workers.
 */
Datum
prio3_aggregate_combine(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	State other = state_arg(fcinfo, 1, false);

	if (other.value == NULL)
		return state_result(fcinfo, &state);
	if (state.value == NULL)
		PG_RETURN_BYTEA_P(other.value);
	check_heads(&state, (const uint8_t *) VARDATA(other.value), other.head_size);
	if (prio3_check_aggregate(&other.vdaf, other.sums, other.vdaf.output_share_size) != PRIO_OK)
		report_damaged_state();
	prio3_aggregate_add(&state.vdaf, state.sums, other.sums);
	if (*other.pending > 0)
		add_seeds(fcinfo, &state.vdaf, other.seeds, *other.pending, state.sums);
	return state_result(fcinfo, &state);
}

/*
 * Final function of both aggregates: the aggregate share (docs/prio3.md, "Prio3 around it"). NULL
 * when there was no row. Leaves the state as it is: a window may go on with it.
 */
Datum
prio3_aggregate_final(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, false);
	bytea *result;
	Size size;

	if (state.value == NULL)
		PG_RETURN_NULL();
	size = state.vdaf.output_share_size;
	if (prio3_check_aggregate(&state.vdaf, state.sums, size) != PRIO_OK)
		report_damaged_state();
	result = prio_bytea(state.sums, size);
	if (*state.pending > 0)
		add_seeds(fcinfo, &state.vdaf, state.seeds, *state.pending, (uint8_t *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

/* ------------------------------------------------------------------ results */

/*
 * prio3_subtract(server text, agg_share bytea, part bytea) -> bytea: takes the aggregate share of
 * some reports of one server out of its aggregate share.
 */
Datum
prio3_sql_subtract(PG_FUNCTION_ARGS)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(PG_GETARG_TEXT_PP(0), false)->prio3->vdaf;
	const uint8_t *share = agg_share_arg(fcinfo, 1, vdaf, "agg_share");
	const uint8_t *part = agg_share_arg(fcinfo, 2, vdaf, "part");
	bytea *result = prio_bytea(share, vdaf->output_share_size);

	prio3_aggregate_subtract(vdaf, (uint8_t *) VARDATA(result), part);
	PG_RETURN_BYTEA_P(result);
}

static Datum
numeric_from_uint128(prio_uint128 value)
{
	char digits[40]; /* 39 of them, and a zero byte */
	char *first = digits + sizeof(digits) - 1;

	if (value <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value));
	*first = '\0';
	for (; value != 0; value /= 10)
		*--first = (char) ('0' + (int) (value % 10));
	return DirectFunctionCall3(numeric_in, CStringGetDatum(first),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/*
 * prio3_unshard(server text, agg_share_a bytea, agg_share_b bytea, reports bigint) -> numeric[]:
 * the result of so many reports.
 */
Datum
prio3_sql_unshard(PG_FUNCTION_ARGS)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(PG_GETARG_TEXT_PP(0), false)->prio3->vdaf;
	const uint8_t *share_a = agg_share_arg(fcinfo, 1, vdaf, "agg_share_a");
	const uint8_t *share_b = agg_share_arg(fcinfo, 2, vdaf, "agg_share_b");
	int64 reports = PG_GETARG_INT64(3);
	Size size = vdaf->output_share_size;
	prio_uint128 *result = prio_call_scratch(fcinfo, vdaf->output_len * sizeof(prio_uint128));
	Datum *entries =
		MemoryContextAllocHuge(CurrentMemoryContext, vdaf->output_len * sizeof(Datum));

	if (reports < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of reports must not be negative")));
	if (prio3_unshard(vdaf, share_a, size, share_b, size, (uint64) reports, result) != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("aggregate shares do not belong together"),
				 errdetail("No " INT64_FORMAT " reports have such a result.", reports),
				 errhint("Both servers must add up exactly the same reports, and reports must be "
						 "their number.")));
	for (Size i = 0; i < vdaf->output_len; i++)
		entries[i] = numeric_from_uint128(result[i]);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(entries, (int) vdaf->output_len, NUMERICOID, -1, false, TYPALIGN_INT));
}
