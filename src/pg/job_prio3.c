/*
 * job_prio3.c
 *		What the job does with shares of Prio3, bare or in reports of DAP.
 *
 * Rows come one by one and are opened some at a time, as many as are computed side by side, so
 * that a chunk is opened in memory for a few shares.
 */
#include "job.h"

#include "prio3_state.h"

#include "dap/report.h"
#include "prio3/aggregate.h"
#include "prio3/elements.h"
#include "prio3/proof.h"
#include "prio3/verify.h"

#include "access/detoast.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PRIO_FUNCTION(prio_job_vdaf);
PRIO_FUNCTION(prio_job_verify_key_digest);

/* What waits takes no more than this, unless it is one share. */
#define WAITING_BYTES ((Size) 4 * 1024 * 1024)

/* Lists of extensions, which a report may have: it is refused for them, but not for its length. */
#define EXTENSIONS_BYTES ((Size) 65535)

/* ------------------------------------------------------------------ sizes */

/* Bytes of messages of this server, as honest clients make them. */
typedef struct Sizes
{
	Size header;
	Size payload;
	Size extensions; /* what either may have more before anybody looks into it */
} Sizes;

static Sizes
sizes_of(const CachedServer *server)
{
	static const size_t nothing[2] = {0, 0};
	const CachedPrio3 *prio3 = server->prio3;
	Sizes sizes = {prio3->vdaf.public_share_size, prio3->vdaf.input_share_size[server->role], 0};

	if (prio3->is_dap)
	{
		size_t header = dap_header_size(&prio3->task, sizes.header);

		sizes.payload += (dap_report_size(&prio3->task, sizes.header, nothing) - header) / 2;
		sizes.header = header;
		sizes.extensions = EXTENSIONS_BYTES;
	}
	return sizes;
}

Size
prio_job_prio3_longest_share(const text *server_name)
{
	Sizes sizes = sizes_of(prio_lookup_prio3(server_name, false));

	return sizes.payload + sizes.extensions;
}

Size
prio_job_prio3_longest_header(const text *server_name)
{
	Sizes sizes = sizes_of(prio_lookup_prio3(server_name, false));

	return sizes.header + sizes.extensions;
}

Size
prio_job_prio3_usual_share(const text *server_name)
{
	Sizes sizes = sizes_of(prio_lookup_prio3(server_name, false));

	return sizes.header + sizes.payload;
}

Size
prio_job_prio3_longest_entry(const text *server_name, int round)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(server_name, false)->prio3->vdaf;

	return round == 1 ? vdaf->verifier_share_size : round == 2 ? 1 : vdaf->output_share_size;
}

/* Of round 1, elements that nobody can tell from those about a report; of round 2, a refusal. */
bytea *
prio_job_prio3_decoy(const text *server_name, int round)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(server_name, false)->prio3->vdaf;
	bytea *decoy = prio_allocate_bytea(round == 1 ? vdaf->verifier_share_size : 1);
	uint8_t *bytes = (uint8_t *) VARDATA(decoy);
	Size done = 0;

	if (round == 2)
	{
		bytes[0] = 0;
		return decoy;
	}
	prio_check(prio_random(bytes, vdaf->verifier_share_size));
	while ((done += prio3_elements_accept(vdaf, bytes + done * vdaf->element_size,
										  vdaf->verifier_len - done)) < vdaf->verifier_len)
		prio_check(prio_random(bytes + done * vdaf->element_size,
							   (vdaf->verifier_len - done) * vdaf->element_size));
	return decoy;
}

/*
 * vdaf(server text) -> text: the VDAF of a server and its parameters, for people and for comparing
 * both servers; NULL for Prio v1.
 */
Datum
prio_job_vdaf(PG_FUNCTION_ARGS)
{
	text *server_name = PG_GETARG_TEXT_PP(0);
	const CachedPrio3 *prio3;
	const Prio3Parameters *p;
	StringInfoData words;

	if (prio_job_protocol(server_name) == JOB_PRIO1)
		PG_RETURN_NULL();
	prio3 = prio_lookup_prio3(server_name, false)->prio3;
	p = &prio3->vdaf.parameters;
	initStringInfo(&words);
	appendStringInfoString(&words, prio_job_option(server_name, "vdaf"));
	if (p->kind != PRIO3_COUNT && p->kind != PRIO3_SUM)
		appendStringInfo(&words, ", length " UINT64_FORMAT ", chunk_length " UINT64_FORMAT,
						 (uint64) p->length, (uint64) p->chunk_length);
	if (p->kind != PRIO3_COUNT && p->kind != PRIO3_HISTOGRAM)
		appendStringInfo(&words, ", at most " UINT64_FORMAT, (uint64) p->max);
	appendStringInfo(&words, ", draft %d", (int) p->draft);
	if (prio3->is_dap)
		appendStringInfo(&words, ", DAP %02d", (int) prio3->task.version);
	PG_RETURN_TEXT_P(cstring_to_text(words.data));
}

/*
 * verify_key_digest(server text) -> bytea: what stands for the verify key of a server where the key
 * itself must not be, 16 bytes.
 */
Datum
prio_job_verify_key_digest(PG_FUNCTION_ARGS)
{
	CachedServer *server = prio_lookup_prio3(PG_GETARG_TEXT_PP(0), true);
	uint8_t digest[JOB_DIGEST_BYTES];

	prio_check(prio_job_digest(JOB_VERIFY_KEY, server->prio3->verify_key,
							   server->prio3->vdaf.seed_size, digest));
	PG_RETURN_BYTEA_P(prio_bytea(digest, sizeof(digest)));
}

/* ------------------------------------------------------------------ digests */

/* What all shares of a batch have in common. */
static void
batch_digest(const CachedServer *server, uint8_t digest[JOB_DIGEST_BYTES])
{
	uint8_t fingerprint[PRIO_HASH_BYTES];

	prio_prio3_fingerprint(server, fingerprint);
	memcpy(digest, fingerprint, JOB_DIGEST_BYTES);
}

/*
 * Digests of a row: of its content, and of what is the same in every copy of the share. The
 * payload, which may be long, is read once.
 */
static PrioStatus
row_digests(const CachedServer *server, const pg_uuid_t *id, const uint8_t *header,
			Size header_size, const uint8_t *payload, Size payload_size,
			uint8_t content[JOB_DIGEST_BYTES], uint8_t *replay)
{
	static const uint8_t of_payload = JOB_PAYLOAD;
	uint8_t bytes[1 + UUID_LEN + PRIO_HASH_BYTES];
	uint8_t hash[PRIO_HASH_BYTES];
	uint8_t *payload_hash = bytes + 1 + UUID_LEN;
	PrioStatus status = prio_sha256(&of_payload, 1, payload, payload_size, payload_hash);

	bytes[0] = JOB_CONTENT;
	memcpy(bytes + 1, id->data, UUID_LEN);
	if (status == PRIO_OK)
		status = prio_sha256(bytes, sizeof(bytes), header, header_size, hash);
	memcpy(content, hash, JOB_DIGEST_BYTES);
	if (status != PRIO_OK || replay == NULL)
		return status;
	if (server->prio3->is_dap)
	{
		memcpy(replay, id->data, UUID_LEN);
		return PRIO_OK;
	}
	if (server->role == PRIO_A)
		return prio_job_digest(JOB_REPLAY, payload_hash, PRIO_HASH_BYTES, replay);
	return prio_job_digest(JOB_REPLAY, payload, server->prio3->vdaf.seed_size, replay);
}

/* ------------------------------------------------------------------ unsealing */

/* Bytes of memory that unseal() takes, at the most. */
static Size
unseal_memory(const CachedServer *server, Size header_size, Size payload_size)
{
	return server->prio3->is_dap ?
		dap_share_open_memory(&server->prio3->task, header_size, payload_size) :
		0;
}

/*
 * Prio3's public share and input share in a row: as they are or, of DAP, opened into memory. Of two
 * keys with one configuration id the one that fits.
 */
static PrioStatus
unseal(const CachedServer *server, const uint8_t *header, Size header_size,
	   const uint8_t *payload, Size payload_size, uint8_t *memory, Prio3Report *report)
{
	const CachedPrio3 *prio3 = server->prio3;
	PrioStatus status = PRIO_UNKNOWN_KEY;
	DapReport parsed;

	if (!prio3->is_dap)
	{
		report->public_share = header;
		report->public_share_size = header_size;
		report->input_share = payload;
		report->input_share_size = payload_size;
		return PRIO_OK;
	}
	if (dap_header_parse(prio3->task.version, header, header_size, &parsed) != PRIO_OK)
		return PRIO_MALFORMED;
	report->public_share = parsed.public_share;
	report->public_share_size = parsed.public_share_size;
	for (int i = 0; i < prio3->keys; i++)
	{
		const CachedKey *key = &prio3->key[i];
		DapInputShare share;
		PrioStatus with_key = dap_share_open(&prio3->task, server->role, key->pair,
											 key->public_key, key->config_id, header,
											 header_size, payload, payload_size, memory, &share);

		if (with_key == PRIO_OK)
		{
			report->input_share = share.payload;
			report->input_share_size = share.payload_size;
			return PRIO_OK;
		}
		if (with_key != PRIO_UNKNOWN_KEY)
			status = with_key;
		if (status != PRIO_UNKNOWN_KEY && status != PRIO_DECRYPTION_FAILED)
			break;
	}
	return status;
}

/* ------------------------------------------------------------------ opening */

/* A row that waits for others. */
typedef struct Waiting
{
	pg_uuid_t id;
	ItemPointerData place;
	bytea *header; /* both in the memory of the group */
	bytea *payload;
} Waiting;

struct JobPrio3Opening
{
	MemoryContext memory;
	JobRows *rows;
	text *server_name;
	JobProtocol protocol;
	DapVersion version; /* of DAP */
	DapTask task;       /* of DAP: how times are written, and no more */
	Sizes sizes;
	uint64 generation; /* of the cache, when the digest in rows->head was right */

	Size seed_size; /* of the joint randomness in a record */
	Size output_size;
	uint8_t *total; /* the sum of the output shares */

	int lanes; /* so many are opened at a time, at the most */
	int count;
	Size waiting_bytes;
	Waiting waiting[PRIO3_LANES];

	JobScratch unsealed;
	JobScratch outputs;
	JobScratch scratch;
};

JobPrio3Opening *
prio_job_prio3_begin(const text *server_name, JobRows *rows)
{
	MemoryContext memory = rows->entries.memory;
	CachedServer *server = prio_lookup_prio3(server_name, true);
	const Prio3Vdaf *vdaf = &server->prio3->vdaf;
	JobPrio3Opening *opening = MemoryContextAllocZero(memory, sizeof(JobPrio3Opening));
	Size name_size = VARSIZE_ANY_EXHDR(server_name);
	Size lane_bytes;

	opening->memory = memory;
	opening->rows = rows;
	opening->server_name = MemoryContextAlloc(memory, VARHDRSZ + name_size);
	SET_VARSIZE(opening->server_name, VARHDRSZ + name_size);
	memcpy(VARDATA(opening->server_name), VARDATA_ANY(server_name), name_size);
	opening->protocol = server->prio3->is_dap ? JOB_DAP : JOB_PRIO3;
	opening->task.version = server->prio3->task.version;
	opening->task.time_precision = server->prio3->task.time_precision;
	opening->sizes = sizes_of(server);
	opening->seed_size = vdaf->message_size;
	opening->output_size = vdaf->output_share_size;
	opening->total = MemoryContextAllocExtended(memory, opening->output_size,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	lane_bytes = opening->sizes.payload + opening->output_size;
	opening->lanes = (int) Max(1, Min(PRIO3_LANES, WAITING_BYTES / lane_bytes));

	rows->head.protocol = opening->protocol;
	rows->head.role = server->role;
	rows->head.n = (uint32) vdaf->verifier_share_size;
	rows->head.record_bytes =
		(uint32) (JOB_PRIO3_VERIFIER_SHARE + vdaf->verifier_share_size + vdaf->message_size);
	batch_digest(server, rows->head.digest);
	opening->generation = prio_cache_generation;
	return opening;
}

void
prio_job_prio3_wipe(JobPrio3Opening *opening)
{
	for (int i = 0; i < opening->count; i++)
		prio_wipe(opening->waiting[i].payload, VARSIZE(opening->waiting[i].payload));
	prio_wipe(opening->total, opening->output_size);
	if (opening->unsealed.bytes != NULL)
		prio_wipe(opening->unsealed.bytes, opening->unsealed.room);
	if (opening->outputs.bytes != NULL)
		prio_wipe(opening->outputs.bytes, opening->outputs.room);
}

const uint8_t *
prio_job_prio3_total(const JobPrio3Opening *opening, Size *size)
{
	*size = opening->output_size;
	return opening->total;
}

/* Memory that is aligned as malloc() does, which that of PostgreSQL is not. */
static void *
reserve_aligned(JobScratch *scratch, MemoryContext memory, Size size)
{
	return (void *) TYPEALIGN(16, prio_job_reserve(scratch, memory, size + 15));
}

/* The time of a report in PostgreSQL's terms; false if it has none for it. */
static bool
report_timestamp(const DapTask *task, uint64_t time, TimestampTz *timestamp)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	int64_t seconds;

	if (dap_report_seconds(task, time, &seconds) != PRIO_OK ||
		seconds >= (END_TIMESTAMP / USECS_PER_SEC) + epoch)
		return false;
	*timestamp = (seconds - epoch) * USECS_PER_SEC;
	return true;
}

/* Is a row of DAP one of this batch? 0, or why not. */
static int
check_header(const JobPrio3Opening *opening, FunctionCallInfo fcinfo, const pg_uuid_t *id,
			 const bytea *header)
{
	DapReport report;
	TimestampTz time;
	RangeType *times;

	if (dap_header_parse(opening->task.version, (const uint8_t *) VARDATA(header),
						 VARSIZE(header) - VARHDRSZ, &report) != PRIO_OK)
		return PRIO_MALFORMED;
	if (memcmp(report.report_id, id->data, UUID_LEN) != 0)
		return JOB_OTHER_ID;
	if (PG_ARGISNULL(4))
		return 0;
	times = PG_GETARG_RANGE_P(4);
	if (!report_timestamp(&opening->task, report.time, &time) ||
		!range_contains_elem_internal(lookup_type_cache(RangeTypeGetOid(times),
														TYPECACHE_RANGE_INFO),
									  times, TimestampTzGetDatum(time)))
		return JOB_OTHER_TIME;
	return 0;
}

/* A value of so many bytes, give or take extensions: without reading more of it than its size. */
static bool
has_size(Datum datum, Size size, Size extensions)
{
	Size found = toast_raw_datum_size(datum) - VARHDRSZ;

	return extensions > 0 ? found <= size + extensions : found == size;
}

static bytea *
copy_of(Datum datum, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	bytea *copy = DatumGetByteaPCopy(datum);

	MemoryContextSwitchTo(caller);
	return copy;
}

static void
free_waiting(JobPrio3Opening *opening)
{
	for (int i = 0; i < opening->count; i++)
	{
		Waiting *row = &opening->waiting[i];

		prio_wipe(row->payload, VARSIZE(row->payload));
		pfree(row->payload);
		pfree(row->header);
	}
	opening->count = 0;
	opening->waiting_bytes = 0;
}

/*
 * Opens what waits. All memory is there before anything is secret, and nothing raises an error
 * until it is wiped.
 */
static PrioStatus
open_waiting(JobPrio3Opening *opening, CachedServer *server, const Prio3Vdaf *vdaf,
			 uint8_t *unsealed, uint8_t *outputs, void *scratch, uint8_t *entries)
{
	const Size entry_size = JOB_OPENED_ENTRY_BYTES(opening->rows->head.record_bytes);
	Prio3Report reports[PRIO3_LANES];
	int row_of[PRIO3_LANES];
	int count = 0;
	uint8_t *out = entries;
	PrioStatus status = PRIO_OK;

	memset(reports, 0, sizeof(reports));
	for (int i = 0; i < opening->count; i++)
	{
		Waiting *row = &opening->waiting[i];
		Prio3Report *report = &reports[count];
		const uint8_t *header = (const uint8_t *) VARDATA(row->header);
		const uint8_t *payload = (const uint8_t *) VARDATA(row->payload);
		Size header_size = VARSIZE(row->header) - VARHDRSZ;
		Size payload_size = VARSIZE(row->payload) - VARHDRSZ;
		uint8_t *record = out + UUID_LEN + JOB_DIGEST_BYTES;

		status = unseal(server, header, header_size, payload, payload_size, unsealed, report);
		unsealed += unseal_memory(server, header_size, payload_size);
		if (status == PRIO_OK)
			status = row_digests(server, &row->id, header, header_size, payload, payload_size,
								 record + JOB_RECORD_CONTENT, out + UUID_LEN);
		if (prio_is_packet_fault(status))
		{
			prio_job_reject(opening->rows, status, &row->id);
			continue;
		}
		if (status != PRIO_OK)
			return status;
		memcpy(out, row->id.data, UUID_LEN);
		prio_job_write_record_head(record, vdaf->verifier_share_size, &row->place,
								   opening->protocol, server->role);
		memcpy(record + JOB_PRIO3_BATCH, opening->rows->head.digest, JOB_DIGEST_BYTES);
		report->nonce = row->id.data;
		report->verifier_share = record + JOB_PRIO3_VERIFIER_SHARE;
		report->joint_seed = report->verifier_share + vdaf->verifier_share_size;
		report->output_share = outputs + (Size) count * opening->output_size;
		row_of[count++] = i;
		out += entry_size;
	}
	status = prio3_verify_init(vdaf, server->role, server->prio3->verify_key, reports,
							   (size_t) count, scratch, prio_cancelled);
	if (status != PRIO_OK)
		return status;
	out = entries;
	for (int i = 0; i < count; i++)
	{
		if (reports[i].status != PRIO_OK)
		{
			prio_job_reject(opening->rows, reports[i].status, &opening->waiting[row_of[i]].id);
			continue;
		}
		prio3_aggregate_add(vdaf, opening->total, reports[i].output_share);
		/* What opened moves to the front. */
		memmove(out, entries + (Size) i * entry_size, entry_size);
		out += entry_size;
		opening->rows->head.count++;
	}
	opening->rows->entries.size = (Size) (out - opening->rows->entries.data);
	return PRIO_OK;
}

static void
flush(JobPrio3Opening *opening)
{
	const Size entry_size = JOB_OPENED_ENTRY_BYTES(opening->rows->head.record_bytes);
	CachedServer *server;
	const Prio3Vdaf *vdaf;
	Size unsealed_size = 0;
	uint8_t *unsealed;
	uint8_t *outputs;
	void *scratch;
	uint8_t *entries;
	PrioStatus status;

	if (opening->count == 0)
		return;
	server = prio_lookup_prio3(opening->server_name, true);
	vdaf = prio_vdaf_with_tables(server);
	if (opening->generation != prio_cache_generation)
	{
		uint8_t digest[JOB_DIGEST_BYTES];

		batch_digest(server, digest);
		if (memcmp(digest, opening->rows->head.digest, JOB_DIGEST_BYTES) != 0)
			prio_job_several_batches();
		opening->generation = prio_cache_generation;
	}
	for (int i = 0; i < opening->count; i++)
		unsealed_size += unseal_memory(server, VARSIZE(opening->waiting[i].header) - VARHDRSZ,
									   VARSIZE(opening->waiting[i].payload) - VARHDRSZ);
	unsealed = prio_job_reserve(&opening->unsealed, opening->memory, unsealed_size);
	outputs = prio_job_reserve(&opening->outputs, opening->memory,
							   (Size) opening->count * opening->output_size);
	scratch =
		reserve_aligned(&opening->scratch, opening->memory,
						prio3_verify_init_scratch(vdaf, server->role, (size_t) opening->count));
	entries = prio_job_extend(&opening->rows->entries, (Size) opening->count * entry_size);
	/* Whatever becomes of them, there is no entry yet. */
	opening->rows->entries.size -= (Size) opening->count * entry_size;

	status = open_waiting(opening, server, vdaf, unsealed, outputs, scratch, entries);
	prio_wipe(unsealed, unsealed_size);
	prio_wipe(outputs, (Size) opening->count * opening->output_size);
	prio_wipe_stack();
	if (status != PRIO_OK)
		prio_wipe(entries, (Size) opening->count * entry_size);
	prio_check(status);
	free_waiting(opening);
}

void
prio_job_prio3_add(JobPrio3Opening *opening, FunctionCallInfo fcinfo)
{
	const text *server_name = PG_GETARG_TEXT_PP(1);
	const pg_uuid_t *id = PG_ARGISNULL(5) ? NULL : PG_GETARG_UUID_P(5);
	Waiting *row = &opening->waiting[opening->count];
	int reason = 0;

	CHECK_FOR_INTERRUPTS();
	if (VARSIZE_ANY_EXHDR(server_name) != VARSIZE(opening->server_name) - VARHDRSZ ||
		memcmp(VARDATA_ANY(server_name), VARDATA(opening->server_name),
			   VARSIZE_ANY_EXHDR(server_name)) != 0)
		prio_job_several_batches();

	/* A public share that has no bytes may as well not be there. */
	if (id == NULL || PG_ARGISNULL(8) || (PG_ARGISNULL(7) && opening->sizes.header > 0))
		reason = PRIO_MALFORMED;
	/* What cannot be a share of this batch for its mere size is not even fetched. */
	else if (!has_size(PG_GETARG_DATUM(8), opening->sizes.payload, opening->sizes.extensions) ||
			 (!PG_ARGISNULL(7) &&
			  !has_size(PG_GETARG_DATUM(7), opening->sizes.header, opening->sizes.extensions)))
		reason = PRIO_WRONG_LENGTH;
	if (reason == 0)
	{
		if (PG_ARGISNULL(7))
		{
			row->header = MemoryContextAlloc(opening->memory, VARHDRSZ);
			SET_VARSIZE(row->header, VARHDRSZ);
		}
		else
			row->header = copy_of(PG_GETARG_DATUM(7), opening->memory);
		if (opening->protocol == JOB_DAP)
			reason = check_header(opening, fcinfo, id, row->header);
		if (reason != 0)
			pfree(row->header);
	}
	if (reason != 0)
	{
		prio_job_reject(opening->rows, reason, id);
		return;
	}
	row->payload = copy_of(PG_GETARG_DATUM(8), opening->memory);
	row->id = *id;
	row->place = *(ItemPointer) PG_GETARG_POINTER(9);
	opening->count++;
	opening->waiting_bytes += VARSIZE(row->header) + VARSIZE(row->payload);
	if (opening->count == opening->lanes || opening->waiting_bytes > WAITING_BYTES)
		flush(opening);
}

void
prio_job_prio3_finish(JobPrio3Opening *opening)
{
	flush(opening);
}

/* ------------------------------------------------------------------ rounds */

const Prio3Vdaf *
prio_job_prio3_vdaf(const text *server_name, const JobHead *head)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(server_name, false)->prio3->vdaf;

	if (head->count > 0 &&
		(vdaf->verifier_share_size != head->n ||
		 JOB_PRIO3_VERIFIER_SHARE + vdaf->verifier_share_size + vdaf->message_size !=
			 head->record_bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("records are of another VDAF than the server")));
	return vdaf;
}

Size
prio_job_prio3_round2(const Prio3Vdaf *vdaf, const JobHead *head, const uint8_t *record,
					  const uint8_t *peer_share, Size peer_size, uint8_t out[1])
{
	const uint8_t *own_share = record + JOB_PRIO3_VERIFIER_SHARE;
	bool is_a = head->role == PRIO_A;
	uint8_t message[PRIO3_MAX_SEED_BYTES];
	PrioStatus status =
		prio3_verifier_message(vdaf, is_a ? own_share : peer_share, is_a ? head->n : peer_size,
							   is_a ? peer_share : own_share, is_a ? peer_size : head->n,
							   message);

	if (status == PRIO_OK)
		status = prio3_check_message(vdaf, own_share + head->n, message, vdaf->message_size);
	out[0] = status == PRIO_OK ? 1 : 0;
	return status == PRIO_WRONG_LENGTH || status == PRIO_OUT_OF_RANGE ? 0 : 1;
}

/* ------------------------------------------------------------------ adding up again */

struct JobPrio3Sum
{
	MemoryContext memory;
	Sizes sizes;
	Size output_size;
	uint8_t *total;
	uint8_t *output; /* of one share */
	JobScratch unsealed;
	JobScratch scratch;
};

JobPrio3Sum *
prio_job_prio3_begin_sum(MemoryContext memory, const text *server_name, const JobHead *head)
{
	CachedServer *server = prio_lookup_prio3(server_name, true);
	JobPrio3Sum *sum = MemoryContextAllocZero(memory, sizeof(JobPrio3Sum));
	uint8_t digest[JOB_DIGEST_BYTES];

	batch_digest(server, digest);
	if (memcmp(digest, head->digest, JOB_DIGEST_BYTES) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("records are of another batch than the server says")));
	sum->memory = memory;
	sum->sizes = sizes_of(server);
	sum->output_size = server->prio3->vdaf.output_share_size;
	sum->output = MemoryContextAllocHuge(memory, sum->output_size);
	sum->total =
		MemoryContextAllocExtended(memory, sum->output_size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return sum;
}

void
prio_job_prio3_wipe_sum(JobPrio3Sum *sum)
{
	prio_wipe(sum->total, sum->output_size);
	prio_wipe(sum->output, sum->output_size);
	if (sum->unsealed.bytes != NULL)
		prio_wipe(sum->unsealed.bytes, sum->unsealed.room);
}

bytea *
prio_job_prio3_sum_total(const JobPrio3Sum *sum)
{
	return prio_bytea(sum->total, sum->output_size);
}

/* The output share of a row that has been opened before, and it alone; into sum->output. */
static PrioStatus
output_again(const JobPrio3Sum *sum, const CachedServer *server, const Prio3Report *report,
			 void *scratch)
{
	const Prio3Vdaf *vdaf = &server->prio3->vdaf;
	static const uint8_t seed[PRIO3_MAX_SEED_BYTES];
	Prio3Finish finish = {0};
	PrioStatus status;

	if (report->input_share_size != vdaf->input_share_size[server->role])
		return PRIO_WRONG_LENGTH;
	if (server->role == PRIO_A)
	{
		if (!prio3_elements_are_reduced(vdaf, report->input_share, vdaf->meas_len))
			return PRIO_OUT_OF_RANGE;
		prio3_truncate(vdaf, report->input_share, sum->output);
		return PRIO_OK;
	}
	/* Whether the share was accepted is not asked here: any message that fits will do. */
	finish.joint_seed = finish.message = seed;
	finish.message_size = vdaf->message_size;
	finish.secret = report->input_share;
	finish.output_share = sum->output;
	status = prio3_verify_next(vdaf, server->role, &finish, 1, scratch, prio_cancelled);
	return status != PRIO_OK ? status : finish.status;
}

bool
prio_job_prio3_sum(JobPrio3Sum *sum, FunctionCallInfo fcinfo, const uint8_t *record)
{
	CachedServer *server = prio_lookup_prio3(PG_GETARG_TEXT_PP(1), true);
	const pg_uuid_t *id = PG_GETARG_UUID_P(3);
	bytea *header = NULL;
	bytea *payload;
	const uint8_t *header_bytes = NULL;
	const uint8_t *payload_bytes;
	Size header_size = 0;
	Size payload_size;
	Size unsealed_size;
	uint8_t *unsealed;
	void *scratch;
	uint8_t content[JOB_DIGEST_BYTES];
	Prio3Report report = {0};
	PrioStatus status;

	CHECK_FOR_INTERRUPTS();
	if (server->prio3->vdaf.output_share_size != sum->output_size || PG_ARGISNULL(6) ||
		!has_size(PG_GETARG_DATUM(6), sum->sizes.payload, sum->sizes.extensions) ||
		(!PG_ARGISNULL(5) &&
		 !has_size(PG_GETARG_DATUM(5), sum->sizes.header, sum->sizes.extensions)))
		return false;
	if (!PG_ARGISNULL(5))
	{
		header = PG_GETARG_BYTEA_PP(5);
		header_bytes = (const uint8_t *) VARDATA_ANY(header);
		header_size = VARSIZE_ANY_EXHDR(header);
	}
	payload = PG_GETARG_BYTEA_PP(6);
	payload_bytes = (const uint8_t *) VARDATA_ANY(payload);
	payload_size = VARSIZE_ANY_EXHDR(payload);
	unsealed_size = unseal_memory(server, header_size, payload_size);
	unsealed = prio_job_reserve(&sum->unsealed, sum->memory, unsealed_size);
	scratch = reserve_aligned(&sum->scratch, sum->memory,
							  prio3_verify_next_scratch(&server->prio3->vdaf, server->role, 1));

	status = row_digests(server, id, header_bytes, header_size, payload_bytes, payload_size,
						 content, NULL);
	if (status == PRIO_OK && memcmp(content, record + JOB_RECORD_CONTENT, JOB_DIGEST_BYTES) != 0)
		status = PRIO_MISMATCH;
	if (status == PRIO_OK)
		status = unseal(server, header_bytes, header_size, payload_bytes, payload_size,
						unsealed, &report);
	if (status == PRIO_OK)
		status = output_again(sum, server, &report, scratch);
	if (status == PRIO_OK)
		prio3_aggregate_add(&server->prio3->vdaf, sum->total, sum->output);
	prio_wipe(unsealed, unsealed_size);
	prio_wipe(sum->output, sum->output_size);
	prio_wipe_stack();
	prio_check(status);
	PG_FREE_IF_COPY(payload, 6);
	if (header != NULL)
		PG_FREE_IF_COPY(header, 5);
	return status == PRIO_OK;
}
