/*
 * job_pack.c
 *		Packed values: how they are written, read and checked.
 */
#include "job.h"

#include "funcapi.h"
#include "nodes/execnodes.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

/* Of everything that has a head. */
#define JOB_VERSION 2

/* So that a head, a total and a length word fit besides. */
#define MAX_VALUE_BYTES (MaxAllocSize - (Size) 16 * 1024 * 1024)

#define FIRST_BYTES 1024

/* ------------------------------------------------------------------ buffers */

uint8_t *
prio_job_extend(JobBuffer *buffer, Size more)
{
	Size size = buffer->size + more;

	if (more > MAX_VALUE_BYTES || size > MAX_VALUE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("chunk is too large"),
				 errdetail("It takes more than %zu bytes.", MAX_VALUE_BYTES),
				 errhint("Make chunks of fewer shares.")));
	if (size > buffer->room)
	{
		Size room = Max(Max(2 * buffer->room, FIRST_BYTES), size);
		MemoryContext memory = buffer->memory != NULL ? buffer->memory : CurrentMemoryContext;
		uint8_t *data = (uint8_t *) MemoryContextAllocHuge(memory, VARHDRSZ + room) + VARHDRSZ;

		if (buffer->data != NULL)
		{
			memcpy(data, buffer->data, buffer->size);
			prio_wipe(buffer->data, buffer->size);
			pfree(buffer->data - VARHDRSZ);
		}
		buffer->data = data;
		buffer->room = room;
	}
	buffer->size = size;
	return buffer->data + size - more;
}

void
prio_job_free(JobBuffer *buffer)
{
	if (buffer->data != NULL)
	{
		prio_wipe(buffer->data, buffer->size);
		pfree(buffer->data - VARHDRSZ);
	}
	buffer->data = NULL;
	buffer->size = buffer->room = 0;
}

bytea *
prio_job_take(JobBuffer *buffer)
{
	bytea *result;

	if (buffer->data == NULL)
		return prio_allocate_bytea(0);
	result = (bytea *) (buffer->data - VARHDRSZ);
	SET_VARSIZE(result, VARHDRSZ + buffer->size);
	buffer->data = NULL;
	buffer->size = buffer->room = 0;
	return result;
}

uint8_t *
prio_job_reserve(JobScratch *scratch, MemoryContext memory, Size size)
{
	if (size > scratch->room)
	{
		Size room = size + size / 4;

		if (scratch->bytes != NULL)
			pfree(scratch->bytes);
		scratch->bytes = NULL;
		scratch->room = 0;
		scratch->bytes = MemoryContextAllocHuge(memory, room);
		scratch->room = room;
	}
	return scratch->bytes;
}

/* An entry to sort: most of them differ in their first bytes, of which this is the number. */
typedef struct SortKey
{
	uint64 first;
	const uint8_t *entry;
} SortKey;

uint64
prio_job_sort_key(const uint8_t *entry)
{
	uint64 first;

	memcpy(&first, entry, sizeof(first));
	return pg_ntoh64(first);
}

static inline int
compare_keys(const SortKey *a, const SortKey *b, const Size *entry_size)
{
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return memcmp(a->entry, b->entry, *entry_size);
}

#define ST_SORT sort_keys
#define ST_ELEMENT_TYPE SortKey
#define ST_COMPARE(a, b, entry_size) compare_keys(a, b, entry_size)
#define ST_COMPARE_ARG_TYPE const Size
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
prio_job_sort(JobBuffer *buffer, Size entry_size)
{
	Size count = buffer->size / entry_size;
	JobBuffer sorted = {.memory = buffer->memory};
	SortKey *keys;
	uint8_t *out;
	Size i = 1;

	while (i < count &&
		   memcmp(buffer->data + (i - 1) * entry_size, buffer->data + i * entry_size,
				  entry_size) <= 0)
		i++;
	if (i >= count)
		return;
	keys = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(SortKey));
	for (i = 0; i < count; i++)
	{
		keys[i].entry = buffer->data + i * entry_size;
		keys[i].first = prio_job_sort_key(keys[i].entry);
	}
	sort_keys(keys, count, &entry_size);
	out = prio_job_extend(&sorted, count * entry_size);
	for (i = 0; i < count; i++)
		memcpy(out + i * entry_size, keys[i].entry, entry_size);
	pfree(keys);
	prio_job_free(buffer);
	*buffer = sorted;
}

/* ------------------------------------------------------------------ integers */

void
prio_job_write32(uint8_t *out, uint32 value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t) (value >> (8 * i));
}

uint32
prio_job_read32(const uint8_t *bytes)
{
	uint32 value = 0;

	for (int i = 0; i < 4; i++)
		value |= (uint32) bytes[i] << (8 * i);
	return value;
}

void
prio_job_write64(uint8_t *out, uint64 value)
{
	prio_job_write32(out, (uint32) value);
	prio_job_write32(out + 4, (uint32) (value >> 32));
}

uint64
prio_job_read64(const uint8_t *bytes)
{
	return prio_job_read32(bytes) | (uint64) prio_job_read32(bytes + 4) << 32;
}

/* ------------------------------------------------------------------ heads */

static uint32
checksum(const uint8_t *bytes, Size size)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes, size);
	FIN_CRC32C(crc);
	return crc;
}

void
prio_job_write_head(uint8_t out[JOB_HEAD_BYTES], JobKind kind, const JobHead *head)
{
	out[0] = (uint8_t) kind;
	out[1] = JOB_VERSION;
	out[2] = (uint8_t) head->protocol;
	out[3] = (uint8_t) head->role;
	prio_job_write32(out + 4, head->n);
	prio_job_write32(out + 8, head->record_bytes);
	prio_job_write32(out + 12, head->count);
	memcpy(out + 16, head->digest, PRIO1_DIGEST_BYTES);
}

void
prio_job_close(JobBuffer *buffer)
{
	Size size = buffer->size;
	uint8_t *out = prio_job_extend(buffer, JOB_CHECKSUM_BYTES);

	prio_job_write32(out, checksum(buffer->data, size));
}

/* ------------------------------------------------------------------ reading */

JobReader
prio_job_reader(Datum datum, const char *name)
{
	bytea *value = DatumGetByteaPP(datum);
	JobReader reader;

	reader.next = (const uint8_t *) VARDATA_ANY(value);
	reader.end = reader.next + VARSIZE_ANY_EXHDR(value);
	reader.name = name;
	return reader;
}

void
prio_job_damaged(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED), errmsg("%s are damaged", name),
			 errdetail("%s", detail)));
}

const uint8_t *
prio_job_read(JobReader *reader, Size size)
{
	const uint8_t *bytes = reader->next;

	if (size > prio_job_left(reader))
		prio_job_damaged(reader->name, "They end too early.");
	reader->next += size;
	return bytes;
}

/* Are n and the bytes of a record possible for the protocol? Without any record both are 0. */
static bool
is_shape(const JobHead *head)
{
	if (head->count == 0)
		return head->n == 0 && head->record_bytes == 0;
	if (head->protocol == JOB_PRIO1)
		return head->record_bytes == JOB_PRIO1_RECORD_BYTES && head->n >= 1 &&
			head->n <= PRIO1_MAX_DATA;
	return prio_job_is_prio3_record(head->record_bytes, head->n);
}

void
prio_job_read_head(const uint8_t bytes[JOB_HEAD_BYTES], JobKind kind, const char *name,
				   JobHead *head)
{
	if (bytes[0] != (uint8_t) kind)
		prio_job_damaged(name, "The value is something else.");
	if (bytes[1] != JOB_VERSION || bytes[2] < JOB_PRIO1 || bytes[2] > JOB_DAP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s were stored by another version of the extension", name),
				 errhint(
					 "Where all sessions and workers have one version, the extension's owner may TRUNCATE prio_internal.opened, prio_internal.work: shares are opened again.")));
	head->protocol = (JobProtocol) bytes[2];
	head->role = bytes[3] == PRIO_A ? PRIO_A : PRIO_B;
	head->n = prio_job_read32(bytes + 4);
	head->record_bytes = prio_job_read32(bytes + 8);
	head->count = prio_job_read32(bytes + 12);
	memcpy(head->digest, bytes + 16, PRIO1_DIGEST_BYTES);
	if (bytes[3] > PRIO_B || !is_shape(head))
		prio_job_damaged(name, "The head is none.");
}

JobReader
prio_job_open(Datum datum, JobKind kind, const char *name, JobHead *head)
{
	JobReader reader = prio_job_reader(datum, name);
	const uint8_t *bytes = reader.next;

	if (prio_job_left(&reader) < JOB_HEAD_BYTES + JOB_CHECKSUM_BYTES)
		prio_job_damaged(name, "They end too early.");
	reader.end -= JOB_CHECKSUM_BYTES;
	if (prio_job_read32(reader.end) != checksum(bytes, prio_job_left(&reader)))
		prio_job_damaged(name, "The check sum does not fit.");
	prio_job_read_head(prio_job_read(&reader, JOB_HEAD_BYTES), kind, name, head);
	return reader;
}

JobReader
prio_job_open_records(Datum datum, JobHead *head)
{
	JobReader reader = prio_job_open(datum, JOB_RECORDS, "records", head);

	if (prio_job_left(&reader) != head->count * JOB_RECORDS_ENTRY_BYTES(head->record_bytes))
		prio_job_damaged("records", "Their length is not that of their number.");
	return reader;
}

Size
prio_job_entries(const JobReader *reader, Size entry_size)
{
	Size size = prio_job_left(reader);

	if (size % entry_size != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("%s are damaged", reader->name),
				 errdetail("Their length, %zu bytes, is not a multiple of %zu.", size,
						   entry_size)));
	return size / entry_size;
}

/* ------------------------------------------------------------------ messages */

/* A length has at most five bytes: 32 bits. */
bool
prio_job_read_entry(JobReader *reader, const uint8_t **bytes, Size *size)
{
	const uint8_t *p = reader->next;
	uint64 length = 0;
	int shift = 0;
	uint8_t byte;

	do
	{
		if (p == reader->end || shift > 28)
			return false;
		byte = *p++;
		length |= (uint64) (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0);
	if ((byte == 0 && shift > 7) || length > (Size) (reader->end - p))
		return false;
	*bytes = p;
	*size = (Size) length;
	reader->next = p + length;
	return true;
}

void
prio_job_write_entry(JobBuffer *buffer, const uint8_t *bytes, Size size)
{
	Size length = size;

	while (length >= 0x80)
	{
		*prio_job_extend(buffer, 1) = (uint8_t) (length | 0x80);
		length >>= 7;
	}
	*prio_job_extend(buffer, 1) = (uint8_t) length;
	if (size > 0)
		memcpy(prio_job_extend(buffer, size), bytes, size);
}

Size
prio_job_number(int32 number)
{
	if (number < 0 || number >= JOB_MAX_ENTRIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("number is out of range"),
				 errdetail("It must be between 0 and %d, not %d.", JOB_MAX_ENTRIES - 1, number)));
	return (Size) number;
}

bool
prio_job_bit(const bytea *bits, Size number)
{
	return bits != NULL && number / 8 < VARSIZE_ANY_EXHDR(bits) &&
		(((const uint8_t *) VARDATA_ANY(bits))[number / 8] >> (number % 8) & 1) != 0;
}

/* ------------------------------------------------------------------ aggregates */

void *
prio_job_new_state(MemoryContext memory, Size size, void (*wipe)(void *state))
{
	JobState *state = MemoryContextAllocZero(memory, size);

	state->callback.func = wipe;
	state->callback.arg = state;
	MemoryContextRegisterResetCallback(memory, &state->callback);
	return state;
}

void *
prio_job_state(FunctionCallInfo fcinfo, Size size, MemoryContext *memory,
			   void (*wipe)(void *state))
{
	if (!AggCheckCallContext(fcinfo, memory))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(0))
		return PG_GETARG_POINTER(0);
	return prio_job_new_state(*memory, size, wipe);
}

void *
prio_job_final_state(FunctionCallInfo fcinfo)
{
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return PG_ARGISNULL(0) ? NULL : PG_GETARG_POINTER(0);
}

void
prio_job_require(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
}

/* ------------------------------------------------------------------ sets */

TupleDesc
prio_job_row_type(FunctionCallInfo fcinfo)
{
	TupleDesc row_type;

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(row_type);
}

JobRowSet
prio_job_begin_rows(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result_info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller;
	JobRowSet set;
	Oid type;

	if (result_info == NULL || !IsA(result_info, ReturnSetInfo) ||
		!(result_info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a set of rows is not accepted in this context")));
	caller = MemoryContextSwitchTo(result_info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, &type, &set.row_type) == TYPEFUNC_SCALAR)
	{
		set.row_type = CreateTemplateTupleDesc(1);
		TupleDescInitEntry(set.row_type, 1, "value", type, -1, 0);
	}
	set.rows = tuplestore_begin_heap((result_info->allowedModes & SFRM_Materialize_Random) != 0,
									 false, work_mem);
	result_info->returnMode = SFRM_Materialize;
	result_info->setResult = set.rows;
	result_info->setDesc = set.row_type;
	MemoryContextSwitchTo(caller);
	return set;
}

void
prio_job_put_row(JobRowSet *set, Datum *values, bool *nulls)
{
	tuplestore_putvalues(set->rows, set->row_type, values, nulls);
}
