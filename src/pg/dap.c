/*
 * dap.c
 *		Reports of DAP: made, taken apart, opened and verified.
 */
#include "prio3_measurement.h"
#include "prio3_state.h"

#include "access/detoast.h"
#include "datatype/timestamp.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PRIO_FUNCTION(dap_report_bigint);
PRIO_FUNCTION(dap_report_bigints);
PRIO_FUNCTION(dap_report_booleans);
PRIO_FUNCTION(dap_split);
PRIO_FUNCTION(dap_verify_init);
PRIO_FUNCTION(dap_share_error);

/* Seconds from 1970 to 2000, where PostgreSQL's time begins. */
#define EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* What a share or header has besides Prio3's own bytes is less, extensions included. */
#define LONGEST_EXTENSIONS ((Size) 2 * 65536)
#define LONGEST_ENVELOPE (1024 + LONGEST_EXTENSIONS)

/* ------------------------------------------------------------------ client */

static CachedServer *
server_of_role(const text *name, PrioRole role)
{
	CachedServer *server = prio_lookup_dap(name, false);

	if (server->role != role)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("server \"%s\" is not server %s", server->key.name,
						role == PRIO_A ? "A" : "B"),
				 errhint("Server A, the leader, comes first.")));
	return server;
}

static bool
is_same_bytes(const uint8_t *a, Size a_size, const uint8_t *b, Size b_size)
{
	return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

/* Raises an error unless both servers have one task. */
static void
check_task(const CachedPrio3 *a, const CachedPrio3 *b)
{
	const Prio3Parameters *p = &a->vdaf.parameters;
	const Prio3Parameters *q = &b->vdaf.parameters;

	if (p->kind != q->kind || p->draft != q->draft || p->length != q->length ||
		p->chunk_length != q->chunk_length || p->max != q->max ||
		a->task.version != b->task.version ||
		memcmp(a->task.task_id, b->task.task_id, DAP_TASK_ID_BYTES) != 0 ||
		a->task.time_precision != b->task.time_precision ||
		!is_same_bytes(a->task.configuration, a->task.configuration_size,
					   b->task.configuration, b->task.configuration_size))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("servers do not have the same task"),
				 errdetail("They differ in VDAF, parameters, DAP, task_id, task_configuration or "
						   "time_precision.")));
}

/* Seconds since 1970, rounded down. */
static int64
seconds_of(TimestampTz time)
{
	int64 seconds;

	if (!TIMESTAMP_NOT_FINITE(time))
	{
		seconds = time / USECS_PER_SEC - (time % USECS_PER_SEC < 0) + EPOCH_SECONDS;
		if (seconds >= 0)
			return seconds;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("report_time is out of range"),
			 errdetail("Reports are made from 1970 on, and before infinity.")));
}

/* Raises the error for a report that could not be made. */
static void
check_report(PrioStatus status)
{
	prio_check(status);
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("report cannot be sealed"),
				 errdetail("The public key of a server is no usable one.")));
}

/*
 * dap_report(server_a text, server_b text, measurement ..., report_time timestamptz) -> bytea: a
 * Report, as clients upload it (docs/prio3.md, "DAP").
 */
static Datum
make_report(FunctionCallInfo fcinfo, PrioMeasurement type)
{
	int64 seconds = seconds_of(PG_GETARG_TIMESTAMPTZ(3));
	CachedServer *server[2];
	uint64 generation;
	const Prio3Vdaf *vdaf;
	const DapTask *task;
	DapRecipient recipient[2];
	uint8_t report_id[DAP_REPORT_ID_BYTES];
	uint8_t *public_share;
	uint8_t *input_share[2];
	uint8_t *memory;
	bytea *result;
	PrioStatus status;

	/* What the look-up of one server empties, the other is looked up again for. */
	do
	{
		server[PRIO_A] = server_of_role(PG_GETARG_TEXT_PP(0), PRIO_A);
		generation = prio_cache_generation;
		server[PRIO_B] = server_of_role(PG_GETARG_TEXT_PP(1), PRIO_B);
	} while (generation != prio_cache_generation);
	check_task(server[PRIO_A]->prio3, server[PRIO_B]->prio3);
	vdaf = &server[PRIO_A]->prio3->vdaf;
	task = &server[PRIO_A]->prio3->task;

	public_share = palloc(vdaf->public_share_size + 1);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		const CachedKey *key = &server[role]->prio3->key[0];

		input_share[role] =
			MemoryContextAllocHuge(CurrentMemoryContext, vdaf->input_share_size[role]);
		memcpy(recipient[role].public_key, key->public_key, PRIO_KEY_BYTES);
		recipient[role].config_id = key->config_id;
		recipient[role].input_share = input_share[role];
		recipient[role].input_share_size = vdaf->input_share_size[role];
	}
	memory = MemoryContextAllocHuge(CurrentMemoryContext,
									dap_report_make_memory(task, vdaf->public_share_size,
														   vdaf->input_share_size));
	result = prio_allocate_bytea(
		dap_report_size(task, vdaf->public_share_size, vdaf->input_share_size));
	prio_check(prio_random(report_id, sizeof(report_id)));

	prio_shard_measurement(fcinfo, server[PRIO_A], 2, type, report_id, public_share,
						   input_share);
	status = dap_report_make(task, report_id, seconds, public_share, vdaf->public_share_size,
							 recipient, memory, (uint8_t *) VARDATA(result));
	for (int role = PRIO_A; role <= PRIO_B; role++)
		prio_wipe(input_share[role], vdaf->input_share_size[role]);
	prio_wipe_stack();
	check_report(status);
	pfree(input_share[PRIO_A]);
	pfree(input_share[PRIO_B]);
	pfree(memory);
	PG_RETURN_BYTEA_P(result);
}

/*
 * dap_report(..., measurement bigint, ...)
 */
Datum
dap_report_bigint(PG_FUNCTION_ARGS)
{
	return make_report(fcinfo, PRIO_BIGINT);
}

/*
 * dap_report(..., measurement bigint[], ...)
 */
Datum
dap_report_bigints(PG_FUNCTION_ARGS)
{
	return make_report(fcinfo, PRIO_BIGINTS);
}

/*
 * dap_report(..., measurement boolean[], ...)
 */
Datum
dap_report_booleans(PG_FUNCTION_ARGS)
{
	return make_report(fcinfo, PRIO_BOOLEANS);
}

/* ------------------------------------------------------------------ taking apart */

/* The time of a report; false for one that PostgreSQL has not. */
static bool
timestamp_of(const DapTask *task, uint64 report_time, TimestampTz *time)
{
	int64 seconds;

	if (dap_report_seconds(task, report_time, &seconds) != PRIO_OK ||
		seconds > END_TIMESTAMP / USECS_PER_SEC)
		return false;
	*time = (seconds - EPOCH_SECONDS) * USECS_PER_SEC;
	return IS_VALID_TIMESTAMP(*time);
}

/*
 * dap_split(server text, report bytea, OUT report_id uuid, OUT report_time timestamptz, OUT header
 * bytea, OUT share_a bytea, OUT share_b bytea): a Report apart; NULLs for what is none.
 */
Datum
dap_split(PG_FUNCTION_ARGS)
{
	const CachedPrio3 *prio3 = prio_lookup_dap(PG_GETARG_TEXT_PP(0), false)->prio3;
	const Prio3Vdaf *vdaf = &prio3->vdaf;
	Size longest = vdaf->public_share_size + vdaf->input_share_size[PRIO_A] +
		vdaf->input_share_size[PRIO_B] + 3 * LONGEST_ENVELOPE;
	TupleDesc row_type;
	Datum values[5] = {0};
	bool nulls[5] = {true, true, true, true, true};
	pg_uuid_t id;
	TimestampTz time;

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (toast_raw_datum_size(PG_GETARG_DATUM(1)) - VARHDRSZ <= longest)
	{
		const bytea *bytes = PG_GETARG_BYTEA_PP(1);
		DapReport report;

		if (dap_report_parse(prio3->task.version, (const uint8_t *) VARDATA_ANY(bytes),
							 VARSIZE_ANY_EXHDR(bytes), &report) == PRIO_OK &&
			timestamp_of(&prio3->task, report.time, &time))
		{
			memcpy(id.data, report.report_id, UUID_LEN);
			values[0] = UUIDPGetDatum(&id);
			values[1] = TimestampTzGetDatum(time);
			values[2] = PointerGetDatum(prio_bytea(report.header, report.header_size));
			for (int role = PRIO_A; role <= PRIO_B; role++)
				values[3 + role] =
					PointerGetDatum(prio_bytea(report.share[role], report.share_size[role]));
			memset(nulls, false, sizeof(nulls));
		}
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls)));
}

/* ------------------------------------------------------------------ opening */

/* Bytes of a value that is no longer than that; PRIO_WRONG_LENGTH, and not even fetched. */
static PrioStatus
fetch(Datum datum, Size longest, const uint8_t **bytes, Size *size)
{
	bytea *value;

	if (toast_raw_datum_size(datum) - VARHDRSZ > longest)
		return PRIO_WRONG_LENGTH;
	value = DatumGetByteaPP(datum);
	*bytes = (const uint8_t *) VARDATA_ANY(value);
	*size = VARSIZE_ANY_EXHDR(value);
	return PRIO_OK;
}

/* The key that a share says it is sealed to; NULL if there is none such. */
static CachedKey *
key_of_share(CachedPrio3 *prio3, const uint8_t *share, Size size)
{
	uint8_t config_id;

	if (dap_share_config_id(share, size, &config_id) != PRIO_OK)
		return &prio3->key[0]; /* whatever the key, it does not open */
	for (int i = 0; i < prio3->keys; i++)
		if (prio3->key[i].config_id == config_id)
			return &prio3->key[i];
	return NULL;
}

/*
 * Opens and verifies the report of a row: arguments 0 to 2 are server, header and sealed share.
 * Returns PRIO_OK or what is wrong with the report; writes its state to *state unless that is
 * NULL.
 */
static PrioStatus
verify_row(FunctionCallInfo fcinfo, bytea **state)
{
	CachedServer *server = prio_lookup_dap(PG_GETARG_TEXT_PP(0), true);
	CachedPrio3 *prio3 = server->prio3;
	const DapTask *task = &prio3->task;
	const Prio3Vdaf *vdaf = prio_vdaf_with_tables(server);
	const uint8_t *header;
	const uint8_t *share;
	Size header_size;
	Size share_size;
	DapReport parsed;
	DapInputShare input_share;
	Prio3Report report = {0};
	CachedKey *key;
	Size memory_size;
	uint8_t *memory;
	void *scratch;
	PrioStatus status;

	status = fetch(PG_GETARG_DATUM(1), vdaf->public_share_size + LONGEST_ENVELOPE, &header,
				   &header_size);
	if (status == PRIO_OK)
		status =
			fetch(PG_GETARG_DATUM(2), vdaf->input_share_size[server->role] + LONGEST_ENVELOPE,
				  &share, &share_size);
	if (status == PRIO_OK)
		status = dap_header_parse(task->version, header, header_size, &parsed);
	if (status != PRIO_OK)
		return status;
	key = key_of_share(prio3, share, share_size);
	if (key == NULL)
		return PRIO_UNKNOWN_KEY;

	if (state != NULL)
	{
		*state = prio_allocate_state(server);
		report.state = (uint8_t *) VARDATA(*state);
	}
	scratch = prio_call_scratch(fcinfo, prio_verify_scratch(server));
	memory_size = dap_share_open_memory(task, header_size, share_size);
	memory = MemoryContextAllocHuge(CurrentMemoryContext, memory_size);
	status = dap_share_open(task, server->role, key->pair, key->public_key, key->config_id,
							header, header_size, share, share_size, memory, &input_share);
	if (status == PRIO_OK)
	{
		report.nonce = parsed.report_id;
		report.public_share = parsed.public_share;
		report.public_share_size = parsed.public_share_size;
		report.input_share = input_share.payload;
		report.input_share_size = input_share.payload_size;
		status = prio_verify_report(server, &report, scratch);
	}
	prio_wipe(memory, memory_size);
	prio_wipe_stack();
	prio_check(status);
	pfree(memory);
	if (state != NULL && status == PRIO_OK)
		prio_complete_state(*state);
	return status;
}

/*
 * dap_verify_init(server text, header bytea, share bytea) -> prio3_verify_state: opens a share and
 * does what prio3_verify_init() does; NULL for a report that is malformed.
 */
Datum
dap_verify_init(PG_FUNCTION_ARGS)
{
	bytea *state;

	if (verify_row(fcinfo, &state) != PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(state);
}

/*
 * dap_share_error(server text, header bytea, share bytea) -> text: why dap_verify_init() gives
 * NULL; NULL when it does not.
 */
Datum
dap_share_error(PG_FUNCTION_ARGS)
{
	PrioStatus status = verify_row(fcinfo, NULL);

	if (status == PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(prio_status_text(status)));
}
