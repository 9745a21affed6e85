/*
 * job_runs.c
 *		What the chunks of a batch opened to, as one: each has its entries in order, so that no more
 *		than to merge them is left. Of each value a part is in memory at a time, all of which together
 *		are some work_mem.
 */
#include "job.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"

/* Less is not worth a look-up in the TOAST table, and more saves nothing. */
#define MIN_PART_BYTES ((Size) 8 * 1024)
#define MAX_PART_BYTES ((Size) 256 * 1024)

#define OPENED_QUERY \
	"SELECT o.opened FROM prio_internal.opened AS o WHERE o.number OPERATOR(pg_catalog.=) $1 " \
	"ORDER BY o.chunk"

/* One opened value. */
typedef struct Run
{
	Datum value; /* as it is stored */
	Size size;   /* of all of it */
	Size next;   /* what has not been read begins here */
	Size entry_size;
	Size left;     /* entries that have not been read */
	pg_crc32c crc; /* of what has been read */
	bytea *part;
	JobReader entries; /* of this part */
	const uint8_t *entry;
	uint64 key; /* of the entry */
} Run;

struct JobRuns
{
	MemoryContextCallback wipe;
	JobHead head;
	Size part_bytes;
	binaryheap *heap; /* of runs that have an entry */
	Run *last;        /* whose entry was given last */
	Size count;
	Run runs[FLEXIBLE_ARRAY_MEMBER];
};

static void
wipe_part(const Run *run)
{
	if (run->part != NULL)
		prio_wipe(VARDATA(run->part), VARSIZE(run->part) - VARHDRSZ);
}

static void
forget_part(Run *run)
{
	wipe_part(run);
	if (run->part != NULL)
		pfree(run->part);
	run->part = NULL;
}

static void
wipe_runs(void *pointer)
{
	const JobRuns *runs = pointer;

	for (Size i = 0; i < runs->count; i++)
		wipe_part(&runs->runs[i]);
}

/* Reads the next size bytes of a value, which are its part then. */
static const uint8_t *
read_part(Run *run, Size size)
{
	forget_part(run);
	if (size > run->size - run->next)
		prio_job_damaged(JOB_OPENED_NAME, "They end too early.");
	run->part = DatumGetByteaPSlice(run->value, (int32) run->next, (int32) size);
	if (VARSIZE(run->part) - VARHDRSZ != size)
		prio_job_damaged(JOB_OPENED_NAME, "They end too early.");
	run->next += size;
	return (const uint8_t *) VARDATA(run->part);
}

/* Behind the last entry: the check sum is over all of it. */
static void
finish_run(Run *run)
{
	Size size = run->size - run->next - JOB_CHECKSUM_BYTES;
	const uint8_t *rest;

	if (run->size - run->next < JOB_CHECKSUM_BYTES)
		prio_job_damaged(JOB_OPENED_NAME, "They end too early.");
	rest = read_part(run, size + JOB_CHECKSUM_BYTES);
	COMP_CRC32C(run->crc, rest, size);
	FIN_CRC32C(run->crc);
	if (prio_job_read32(rest + size) != run->crc)
		prio_job_damaged(JOB_OPENED_NAME, "The check sum does not fit.");
	forget_part(run);
}

/* Goes to the next entry of a run; false behind the last one. */
static bool
next_of_run(const JobRuns *runs, Run *run)
{
	if (prio_job_left(&run->entries) == 0)
	{
		Size count = Min(run->left, Max(runs->part_bytes / run->entry_size, 1));

		if (count == 0)
		{
			finish_run(run);
			return false;
		}
		CHECK_FOR_INTERRUPTS();
		run->entries.next = read_part(run, count * run->entry_size);
		run->entries.end = run->entries.next + count * run->entry_size;
		COMP_CRC32C(run->crc, run->entries.next, count * run->entry_size);
		run->left -= count;
	}
	run->entry = prio_job_read(&run->entries, run->entry_size);
	run->key = prio_job_sort_key(run->entry);
	return true;
}

/* The first entry is on top of a heap, which has what is greatest there. */
static int
compare_runs(Datum a, Datum b, void *arg)
{
	const Run *x = (const Run *) DatumGetPointer(a);
	const Run *y = (const Run *) DatumGetPointer(b);

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return memcmp(y->entry, x->entry, x->entry_size);
}

static void
begin_run(JobRuns *runs, Run *run, Datum value)
{
	JobHead head;
	const uint8_t *bytes;

	run->value = value;
	run->size = toast_raw_datum_size(value) - VARHDRSZ;
	run->entries.name = JOB_OPENED_NAME;
	INIT_CRC32C(run->crc);
	bytes = read_part(run, JOB_HEAD_BYTES);
	COMP_CRC32C(run->crc, bytes, JOB_HEAD_BYTES);
	prio_job_read_head(bytes, JOB_OPENED, JOB_OPENED_NAME, &head);
	if (head.count == 0)
	{
		finish_run(run);
		return;
	}
	if (runs->head.count > 0)
		prio_job_check_batch(&runs->head, &head);
	else
		runs->head = head;
	run->left = head.count;
	run->entry_size = JOB_OPENED_ENTRY_BYTES(head.record_bytes);
	(void) next_of_run(runs, run);
	binaryheap_add_unordered(runs->heap, PointerGetDatum(run));
}

JobRuns *
prio_job_open_runs(int32 number)
{
	Oid types[] = {INT4OID};
	Datum arguments[] = {Int32GetDatum(number)};
	SPITupleTable *values;
	JobRuns *runs;

	if (SPI_execute_with_args(OPENED_QUERY, 1, types, arguments, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "opened shares cannot be read");
	values = SPI_tuptable;
	runs = palloc0(offsetof(JobRuns, runs) + values->numvals * sizeof(Run));
	runs->count = values->numvals;
	runs->part_bytes = (Size) work_mem * 1024 / Max(runs->count, 1);
	runs->part_bytes = Max(MIN_PART_BYTES, Min(MAX_PART_BYTES, runs->part_bytes));
	runs->heap = binaryheap_allocate((int) Max(runs->count, 1), compare_runs, NULL);
	runs->wipe.func = wipe_runs;
	runs->wipe.arg = runs;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &runs->wipe);
	for (Size i = 0; i < runs->count; i++)
	{
		bool is_null;

		begin_run(runs, &runs->runs[i],
				  SPI_getbinval(values->vals[i], values->tupdesc, 1, &is_null));
	}
	binaryheap_build(runs->heap);
	return runs;
}

const JobHead *
prio_job_runs_head(const JobRuns *runs)
{
	return &runs->head;
}

const uint8_t *
prio_job_next_of_runs(JobRuns *runs)
{
	if (runs->last != NULL)
	{
		if (next_of_run(runs, runs->last))
			binaryheap_replace_first(runs->heap, PointerGetDatum(runs->last));
		else
			(void) binaryheap_remove_first(runs->heap);
	}
	runs->last = NULL;
	if (binaryheap_empty(runs->heap))
		return NULL;
	runs->last = (Run *) DatumGetPointer(binaryheap_first(runs->heap));
	return runs->last->entry;
}
