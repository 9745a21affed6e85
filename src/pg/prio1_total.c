/*
 * prio1_total.c
 *		Totals: the aggregates, and what is published.
 *
 * The state of both aggregates is a bytea: the stored form of a total. PostgreSQL hands it on
 * as it is between workers, and Citus between machines. Within an aggregate it is added to
 * where it lies. But anybody may call the functions of an aggregate with bytes of their own:
 * so every state is checked, and any sums are sums.
 */
#include "prio.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"

PRIO_FUNCTION(prio_total_share_accum);
PRIO_FUNCTION(prio_merge_accum);
PRIO_FUNCTION(prio_total_combine);
PRIO_FUNCTION(prio_total_final);
PRIO_FUNCTION(prio_subtract);
PRIO_FUNCTION(prio_total_share_uint);
PRIO_FUNCTION(prio_publish);

/* ------------------------------------------------------------------ states */

/* The sums must lie as an array of their type does, whatever is in front of them. */
StaticAssertDecl((VARHDRSZ + PRIO1_TOTAL_HEAD_BYTES) % MAXIMUM_ALIGNOF == 0,
				 "sums of a state are aligned");

typedef struct State
{
	bytea *value; /* aligned, with a length word of four bytes; NULL before the first row */
	Prio1Total total; /* in there */
} State;

static uint8_t *
stored_total(const State *state)
{
	return (uint8_t *) VARDATA(state->value);
}

/* A new state, a sum of nothing. A digest of NULL is that of prio_merge(). */
static void
make_state(State *state, PrioRole role, Size n, const uint8_t *digest)
{
	state->value = prio_allocate_bytea(prio1_total_stored_size(n));
	prio1_total_create(&state->total, role, n, digest, stored_total(state));
}

/* Raises the error for bytes that are no state. */
static void
check_state(PrioStatus status)
{
	if (status == PRIO_OTHER_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("state of an aggregate is of another version"),
				 errdetail(
					 "It comes from another version of the extension, or from another kind of machine.")));
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("state of an aggregate is damaged"),
				 errdetail("It was not made by prio_total_share() or prio_merge().")));
}

/*
 * The state that came as an argument, to be changed or not: where it lies, or a copy. An
 * aggregate owns the state that it hands to its functions, argument 0, wherever that came
 * from, and lets them change it. Nobody else sees it, not even where the frame of a window
 * moves on, as prio_total_final() leaves it as it is. From any other caller a state to be
 * changed is copied, as is one that does not lie as it has to. What is longer than any is
 * not even fetched.
 */
static State
state_arg(FunctionCallInfo fcinfo, int argument, bool to_change)
{
	State state = {NULL};
	Datum datum;
	Pointer pointer;

	if (PG_ARGISNULL(argument))
		return state;
	datum = PG_GETARG_DATUM(argument);
	pointer = DatumGetPointer(datum);
	if (toast_raw_datum_size(datum) - VARHDRSZ > prio1_total_stored_size(PRIO1_MAX_DATA))
		check_state(PRIO_MALFORMED);
	if (VARATT_IS_EXTENDED(pointer) || pointer != (Pointer) MAXALIGN(pointer) ||
		(to_change && AggCheckCallContext(fcinfo, NULL) == 0))
		state.value = DatumGetByteaPCopy(datum);
	else
		state.value = (bytea *) pointer;
	check_state(
		prio1_total_open(&state.total, stored_total(&state), VARSIZE(state.value) - VARHDRSZ));
	return state;
}

/* A state that may have been changed as a result; there may still be none. */
static Datum
state_result(FunctionCallInfo fcinfo, const State *state)
{
	if (state->value == NULL)
		PG_RETURN_NULL();
	prio1_total_save(&state->total, stored_total(state));
	PG_RETURN_BYTEA_P(state->value);
}

/*
 * The state of a group, by its first verifier. What allocates may raise an error: so nothing
 * of the verifier is on the stack any more.
 */
static void
make_state_for(State *state, Datum datum)
{
	Prio1Verifier verifier;
	uint8_t digest[PRIO1_DIGEST_BYTES];
	PrioRole role;
	Size n;

	prio_verifier_from_datum(datum, &verifier);
	memcpy(digest, verifier.digest, sizeof(digest));
	role = verifier.role;
	n = verifier.n;
	prio_wipe(&verifier, sizeof(verifier));
	make_state(state, role, n, digest);
}

/* ------------------------------------------------------------------ what goes together */

static void
check_roles(PrioRole a, PrioRole b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add up shares of different servers"),
				 errdetail("One is a share of server A, the other of server B."),
				 errhint("Only prio_publish() brings both servers together.")));
}

static void
check_lengths(Size a, Size b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add up totals of different length"),
				 errdetail("One has %zu entries, the other %zu.", a, b)));
}

static void
check_batches(const uint8_t *a, const uint8_t *b)
{
	if (memcmp(a, b, PRIO1_DIGEST_BYTES) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add up shares of different batches"),
				 errdetail(
					 "Two shares differ in batch id, number of data fields or variant of the pseudo-random generator."),
				 errhint("Group the rows by batch.")));
}

/* ------------------------------------------------------------------ transitions */

/* Raises the error for a share that does not go with its verifier. */
static void
report_foreign_share(bool has_key, bool share_is_null)
{
	if (!has_key)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("prio_verifier has no packet key"),
				 errdetail("It came from its text form, which leaves the key out."),
				 errhint("Make it again with prio_verifier().")));
	if (share_is_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("server A needs the share to add it up")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("share is not the one that the verifier was made from")));
}

/*
 * Transition of prio_total_share(verifier prio_verifier, share bytea).
 */
Datum
prio_total_share_accum(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	bool share_is_null = PG_ARGISNULL(2);
	bytea *share = NULL;
	const uint8_t *bytes = NULL;
	uint8_t *plaintext = NULL;
	Size size = 0;
	Prio1Verifier verifier;
	const uint8_t *own_digest;
	uint8_t digest[PRIO1_DIGEST_BYTES];
	PrioRole role;
	bool has_key;
	PrioStatus status = PRIO_OK;

	if (PG_ARGISNULL(1))
		return state_result(fcinfo, &state);

	/* From where the verifier is read nothing raises an error until it is wiped. */
	if (state.value == NULL)
		make_state_for(&state, PG_GETARG_DATUM(1));
	own_digest = prio1_total_digest(stored_total(&state));
	if (!share_is_null)
	{
		share = PG_GETARG_BYTEA_PP(2);
		bytes = (const uint8_t *) VARDATA_ANY(share);
		size = VARSIZE_ANY_EXHDR(share);
		if (state.total.role == PRIO_A)
			plaintext = palloc(size);
	}
	prio_verifier_from_datum(PG_GETARG_DATUM(1), &verifier);
	role = verifier.role;
	has_key = verifier.has_key;
	memcpy(digest, verifier.digest, sizeof(digest));
	if (role == state.total.role && memcmp(digest, own_digest, sizeof(digest)) == 0)
		status = prio1_total_add_share(&state.total, &verifier, bytes, size, plaintext);
	prio_wipe(&verifier, sizeof(verifier));
	prio_wipe_stack();

	check_roles(state.total.role, role);
	check_batches(own_digest, digest);
	prio_check(status);
	if (status != PRIO_OK)
		report_foreign_share(has_key, share_is_null);

	if (plaintext != NULL)
		pfree(plaintext);
	if (share != NULL)
		PG_FREE_IF_COPY(share, 2);
	return state_result(fcinfo, &state);
}

/* Raises the error for bytes that are no total share, or could not be read. */
static void
check_total(PrioStatus status, const char *name)
{
	prio_check(status);
	if (status == PRIO_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("%s is not a total share", name),
			 errdetail(
				 "It is damaged, or was not made by prio_total_share(), prio_merge(), prio_subtract() or prio_total_share_uint().")));
}

/*
 * Reads role and length of a total share; its elements are next in the reader. What is longer
 * than any is not even fetched.
 */
static Prio1PacketReader
begin_total(Datum datum, const char *name, PrioRole *role, Size *n)
{
	const bytea *message;
	Prio1PacketReader reader;

	if (toast_raw_datum_size(datum) - VARHDRSZ > prio1_total_max_message(PRIO1_MAX_DATA))
		check_total(PRIO_WRONG_LENGTH, name);
	message = DatumGetByteaPP(datum);
	reader =
		prio1_packet_reader((const uint8_t *) VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message));
	check_total(prio1_total_read_head(&reader, role, n), name);
	return reader;
}

/*
 * Transition of prio_merge(total bytea).
 */
Datum
prio_merge_accum(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	Prio1PacketReader reader;
	PrioRole role;
	Size n;

	if (PG_ARGISNULL(1))
		return state_result(fcinfo, &state);

	reader = begin_total(PG_GETARG_DATUM(1), "total", &role, &n);
	if (state.value == NULL)
		make_state(&state, role, n, NULL);
	check_roles(state.total.role, role);
	check_lengths(state.total.n, n);
	check_total(prio1_total_add_message(&state.total, &reader), "total");
	return state_result(fcinfo, &state);
}

/*
 * Combine function of both aggregates: adds up the states of two workers.
 */
Datum
prio_total_combine(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, true);
	State other = state_arg(fcinfo, 1, false);

	if (other.value == NULL)
		return state_result(fcinfo, &state);
	if (state.value == NULL)
		PG_RETURN_BYTEA_P(other.value);
	check_roles(state.total.role, other.total.role);
	check_batches(prio1_total_digest(stored_total(&state)),
				  prio1_total_digest(stored_total(&other)));
	check_lengths(state.total.n, other.total.n);
	if (prio1_total_merge(&state.total, &other.total) != PRIO_OK)
		elog(ERROR, "cannot merge these states");
	return state_result(fcinfo, &state);
}

/* ------------------------------------------------------------------ results */

static bytea *
total_message(const Prio1Total *total)
{
	bytea *result = palloc(VARHDRSZ + prio1_total_max_message(total->n));
	Size size = prio1_total_write(total, (uint8_t *) VARDATA(result));

	SET_VARSIZE(result, VARHDRSZ + size);
	return result;
}

/*
 * Final function of both aggregates: the total share as the message that the other server
 * gets (docs/protocol.md, "Totals"). NULL when there was no row.
 */
Datum
prio_total_final(PG_FUNCTION_ARGS)
{
	State state = state_arg(fcinfo, 0, false);

	if (state.value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(total_message(&state.total));
}

/* A total share that came as an argument, in the current memory context. */
static Prio1Total
total_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Prio1Total total;
	PrioRole role;
	Size n;
	Prio1PacketReader reader = begin_total(PG_GETARG_DATUM(argument), name, &role, &n);

	prio1_total_init(&total, role, n, palloc(n * sizeof(Field87)));
	check_total(prio1_total_add_message(&total, &reader), name);
	return total;
}

/*
 * prio_subtract(total bytea, part bytea) -> bytea: takes the total share of a subset of the
 * shares of one server out of its total.
 */
Datum
prio_subtract(PG_FUNCTION_ARGS)
{
	Prio1Total total = total_arg(fcinfo, 0, "total");
	Prio1Total part = total_arg(fcinfo, 1, "part");

	if (total.role != part.role)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot subtract a total of the other server"),
				 errdetail("The total is of server %s, the part of server %s.",
						   total.role == PRIO_A ? "A" : "B", part.role == PRIO_A ? "A" : "B")));
	if (total.n != part.n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot subtract a total of different length"),
				 errdetail("The total has %zu entries, the part %zu.", total.n, part.n)));
	if (prio1_total_subtract(&total, &part) != PRIO_OK)
		elog(ERROR, "cannot subtract this total");
	PG_RETURN_BYTEA_P(total_message(&total));
}

/*
 * prio_total_share_uint(total bytea, bits int) -> bytea: the total share of integers of
 * so many bits from that of their bits.
 */
Datum
prio_total_share_uint(PG_FUNCTION_ARGS)
{
	int32 bits = PG_GETARG_INT32(1);
	Prio1Total total;
	Prio1Total uints;

	prio_check_bits(bits);
	total = total_arg(fcinfo, 0, "total");
	if (prio1_total_to_uints(&total, bits, &uints,
							 palloc(total.n / (Size) bits * sizeof(Field87) + 1)) != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("total share does not hold integers of %d bits", bits),
				 errdetail("Its %zu entries are not a multiple of %d.", total.n, bits)));
	PG_RETURN_BYTEA_P(total_message(&uints));
}

/*
 * prio_publish(total_a bytea, total_b bytea) -> bigint[]: the result, from the totals of
 * both servers.
 */
Datum
prio_publish(PG_FUNCTION_ARGS)
{
	Prio1Total a = total_arg(fcinfo, 0, "total_a");
	Prio1Total b = total_arg(fcinfo, 1, "total_b");
	int64 *counts = palloc(a.n * sizeof(int64));
	Datum *entries = palloc(a.n * sizeof(Datum));
	Size where = 0;
	PrioStatus status;

	if (a.role == b.role)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("both totals are of server %s", a.role == PRIO_A ? "A" : "B"),
				 errhint("Publishing takes the total of server A and that of server B.")));
	check_lengths(a.n, b.n);
	status = prio1_total_publish(&a, &b, counts, &where);
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("totals do not belong together"),
				 errdetail("Entry %zu of their sum is beyond any number of clients.", where + 1),
				 errhint(
					 "Both servers must add up exactly the same packets of the same batch.")));
	for (Size i = 0; i < a.n; i++)
		entries[i] = Int64GetDatum(counts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(entries, (int) a.n, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
