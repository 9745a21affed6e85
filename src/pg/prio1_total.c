/*
 * total.c
 *		Totals: the aggregates, and what is published.
 */
#include "prio.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/array.h"

PRIO_FUNCTION(prio_total_share_accum);
PRIO_FUNCTION(prio_merge_accum);
PRIO_FUNCTION(prio_total_combine);
PRIO_FUNCTION(prio_total_serialize);
PRIO_FUNCTION(prio_total_deserialize);
PRIO_FUNCTION(prio_total_final);
PRIO_FUNCTION(prio_total_share_uint);
PRIO_FUNCTION(prio_publish);

/* Of the serialized state, which only ever travels between processes of one server. */
#define STATE_VERSION 1

/* The state of both aggregates; NULL as long as there was no row. */
typedef struct TotalState
{
	uint8_t digest[PRIO1_DIGEST_BYTES]; /* the batch; prio_merge: zeros */
	Prio1Total total;                   /* its sums follow the struct */
} TotalState;

static TotalState *
make_state(MemoryContext memory, PrioRole role, Size n, const uint8_t *digest)
{
	Size head = MAXALIGN(sizeof(TotalState));
	TotalState *state = MemoryContextAllocHuge(memory, head + n * sizeof(Field87));

	prio1_total_init(&state->total, role, n, (Field87 *) ((char *) state + head));
	if (digest != NULL)
		memcpy(state->digest, digest, PRIO1_DIGEST_BYTES);
	else
		memset(state->digest, 0, PRIO1_DIGEST_BYTES);
	return state;
}

/*
 * The state of a group, by its first verifier. What allocates may raise an error: so nothing
 * of the verifier is on the stack any more.
 */
static TotalState *
begin_state(MemoryContext memory, Datum datum)
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
	return make_state(memory, role, n, digest);
}

static MemoryContext
aggregate_memory(FunctionCallInfo fcinfo)
{
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return memory;
}

static TotalState *
state_arg(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : (TotalState *) PG_GETARG_POINTER(argument);
}

/* A state as a result, which may still be none. */
static Datum
state_datum(FunctionCallInfo fcinfo, TotalState *state)
{
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

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
	MemoryContext memory = aggregate_memory(fcinfo);
	TotalState *state = state_arg(fcinfo, 0);
	bool share_is_null = PG_ARGISNULL(2);
	bytea *share = NULL;
	const uint8_t *bytes = NULL;
	uint8_t *plaintext = NULL;
	Size size = 0;
	Prio1Verifier verifier;
	uint8_t digest[PRIO1_DIGEST_BYTES];
	PrioRole role;
	bool has_key;
	PrioStatus status = PRIO_OK;

	if (PG_ARGISNULL(1))
		return state_datum(fcinfo, state);

	/* From where the verifier is read nothing raises an error until it is wiped. */
	if (state == NULL)
		state = begin_state(memory, PG_GETARG_DATUM(1));
	if (!share_is_null)
	{
		share = PG_GETARG_BYTEA_PP(2);
		bytes = (const uint8_t *) VARDATA_ANY(share);
		size = VARSIZE_ANY_EXHDR(share);
		if (state->total.role == PRIO_A)
			plaintext = palloc(size);
	}
	prio_verifier_from_datum(PG_GETARG_DATUM(1), &verifier);
	role = verifier.role;
	has_key = verifier.has_key;
	memcpy(digest, verifier.digest, sizeof(digest));
	if (role == state->total.role && memcmp(digest, state->digest, sizeof(digest)) == 0)
		status = prio1_total_add_share(&state->total, &verifier, bytes, size, plaintext);
	prio_wipe(&verifier, sizeof(verifier));
	prio_wipe_stack();

	check_roles(state->total.role, role);
	check_batches(state->digest, digest);
	prio_check(status);
	if (status != PRIO_OK)
		report_foreign_share(has_key, share_is_null);

	if (plaintext != NULL)
		pfree(plaintext);
	if (share != NULL)
		PG_FREE_IF_COPY(share, 2);
	PG_RETURN_POINTER(state);
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
				 "It is damaged, or was not made by prio_total_share(), prio_merge() or prio_total_share_uint().")));
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

static void
add_total(Prio1Total *total, Prio1PacketReader *reader, const char *name)
{
	check_total(prio1_total_add_message(total, reader), name);
}

/*
 * Transition of prio_merge(total bytea).
 */
Datum
prio_merge_accum(PG_FUNCTION_ARGS)
{
	MemoryContext memory = aggregate_memory(fcinfo);
	TotalState *state = state_arg(fcinfo, 0);
	Prio1PacketReader reader;
	PrioRole role;
	Size n;

	if (PG_ARGISNULL(1))
		return state_datum(fcinfo, state);

	reader = begin_total(PG_GETARG_DATUM(1), "total", &role, &n);
	if (state == NULL)
		state = make_state(memory, role, n, NULL);
	check_roles(state->total.role, role);
	check_lengths(state->total.n, n);
	add_total(&state->total, &reader, "total");
	PG_RETURN_POINTER(state);
}

/* ------------------------------------------------------------------ partial aggregation */

/*
 * Combine function of both aggregates: adds up the states of two workers.
 */
Datum
prio_total_combine(PG_FUNCTION_ARGS)
{
	MemoryContext memory = aggregate_memory(fcinfo);
	TotalState *state = state_arg(fcinfo, 0);
	TotalState *other = state_arg(fcinfo, 1);

	if (other == NULL)
		return state_datum(fcinfo, state);
	if (state == NULL)
		state = make_state(memory, other->total.role, other->total.n, other->digest);
	check_roles(state->total.role, other->total.role);
	check_batches(state->digest, other->digest);
	check_lengths(state->total.n, other->total.n);
	if (prio1_total_merge(&state->total, &other->total) != PRIO_OK)
		elog(ERROR, "cannot merge these states");
	PG_RETURN_POINTER(state);
}

/*
 * version (1), role (1), digest (16), then the sums as the core stores them.
 */
Datum
prio_total_serialize(PG_FUNCTION_ARGS)
{
	TotalState *state = (TotalState *) PG_GETARG_POINTER(0);
	Size size = prio1_total_stored_size(state->total.n);
	StringInfoData buffer;

	aggregate_memory(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, (uint8) state->total.role);
	pq_sendbytes(&buffer, (const char *) state->digest, PRIO1_DIGEST_BYTES);
	enlargeStringInfo(&buffer, (int) size);
	prio1_total_store(&state->total, (uint8_t *) buffer.data + buffer.len);
	buffer.len += (int) size;
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
prio_total_deserialize(PG_FUNCTION_ARGS)
{
	bytea *serialized = PG_GETARG_BYTEA_PP(0);
	const uint8_t *bytes = (const uint8_t *) VARDATA_ANY(serialized);
	Size size = VARSIZE_ANY_EXHDR(serialized);
	Size head = 2 + PRIO1_DIGEST_BYTES;
	Size n = size < head ? 0 : (size - head) / FIELD87_BYTES;
	TotalState *state;

	aggregate_memory(fcinfo);
	if (n < 1 || n > PRIO1_MAX_DATA || bytes[0] != STATE_VERSION || bytes[1] > PRIO_B)
		elog(ERROR, "damaged aggregate state");
	state = make_state(CurrentMemoryContext, (PrioRole) bytes[1], n, bytes + 2);
	if (prio1_total_load(&state->total, bytes + head, size - head) != PRIO_OK)
		elog(ERROR, "damaged aggregate state");
	PG_RETURN_POINTER(state);
}

/* ------------------------------------------------------------------ results */

static bytea *
total_message(Prio1Total *total)
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
	TotalState *state = state_arg(fcinfo, 0);

	aggregate_memory(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(total_message(&state->total));
}

/* A total share that came as an argument, in the current memory context. */
static Prio1Total *
total_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	PrioRole role;
	Size n;
	Prio1PacketReader reader = begin_total(PG_GETARG_DATUM(argument), name, &role, &n);
	Prio1Total *total = &make_state(CurrentMemoryContext, role, n, NULL)->total;

	add_total(total, &reader, name);
	return total;
}

/*
 * prio_total_share_uint(total bytea, bits int) -> bytea: the total share of integers of
 * so many bits from that of their bits.
 */
Datum
prio_total_share_uint(PG_FUNCTION_ARGS)
{
	int32 bits = PG_GETARG_INT32(1);
	Prio1Total *total;
	Prio1Total uints;

	prio_check_bits(bits);
	total = total_arg(fcinfo, 0, "total");
	if (prio1_total_to_uints(total, bits, &uints,
							 palloc(total->n / (Size) bits * sizeof(Field87) + 1)) != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("total share does not hold integers of %d bits", bits),
				 errdetail("Its %zu entries are not a multiple of %d.", total->n, bits)));
	PG_RETURN_BYTEA_P(total_message(&uints));
}

/*
 * prio_publish(total_a bytea, total_b bytea) -> bigint[]: the result, from the totals of
 * both servers.
 */
Datum
prio_publish(PG_FUNCTION_ARGS)
{
	Prio1Total *a = total_arg(fcinfo, 0, "total_a");
	Prio1Total *b = total_arg(fcinfo, 1, "total_b");
	int64 *counts = palloc(a->n * sizeof(int64));
	Datum *entries = palloc(a->n * sizeof(Datum));
	Size where = 0;
	PrioStatus status;

	if (a->role == b->role)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("both totals are of server %s", a->role == PRIO_A ? "A" : "B"),
				 errhint("Publishing takes the total of server A and that of server B.")));
	check_lengths(a->n, b->n);
	status = prio1_total_publish(a, b, counts, &where);
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("totals do not belong together"),
				 errdetail("Entry %zu of their sum is beyond any number of clients.", where + 1),
				 errhint(
					 "Both servers must add up exactly the same packets of the same batch.")));
	for (Size i = 0; i < a->n; i++)
		entries[i] = Int64GetDatum(counts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(entries, (int) a->n, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
