/*
 * job_blocks.c
 *		The shares of a chunk, opened as they lie in the blocks of their table.
 */
#include "job.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PRIO_FUNCTION(prio_job_open_blocks);

/* ------------------------------------------------------------------ rows */

/* Columns of prio_processor.share that are read. */
typedef enum ShareColumn
{
	SHARE_ID,
	ORDINAL,
	HEADER,
	PAYLOAD,
	SHARE_FILE,
	POSITION,
	BYTES,
	HEADER_BYTES,
	SHARE_COLUMNS
} ShareColumn;

static const struct
{
	const char *name;
	Oid type;
} share_columns[SHARE_COLUMNS] = {
	{"share_id", UUIDOID}, {"ordinal", INT8OID},      {"header", BYTEAOID},
	{"payload", BYTEAOID}, {"file", INT4OID},         {"position", INT8OID},
	{"bytes", INT4OID},    {"header_bytes", INT4OID},
};

typedef struct ShareRow
{
	Datum values[SHARE_COLUMNS];
	bool nulls[SHARE_COLUMNS];
} ShareRow;

/* Rows of a range of blocks, in their order. */
typedef struct BlockScan
{
	Relation table;
	AttrNumber columns[SHARE_COLUMNS];
	Datum *values; /* of the row, of all columns of the table */
	bool *nulls;
	BufferAccessStrategy ring;
	BlockNumber next_block;
	BlockNumber end_block;
	Buffer buffer; /* of the block before next_block */
	OffsetNumber visible[MaxHeapTuplesPerPage];
	int visible_count;
	int next_visible;
	HeapTupleData row;
	Snapshot snapshot;
	TransactionId known; /* of the row before, and could it be seen? */
	bool known_visible;
} BlockScan;

static _Noreturn void
not_shares(Relation table)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table of shares", RelationGetRelationName(table))));
}

static void
find_columns(BlockScan *blocks)
{
	TupleDesc row_type = RelationGetDescr(blocks->table);

	for (int i = 0; i < SHARE_COLUMNS; i++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(blocks->table), share_columns[i].name);

		if (number <= 0 ||
			TupleDescAttr(row_type, number - 1)->atttypid != share_columns[i].type)
			not_shares(blocks->table);
		blocks->columns[i] = number;
	}
}

static void
begin_scan(BlockScan *blocks, Oid table, int64 first_block, int64 end_block)
{
	AclResult right = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
	int columns;

	blocks->table = table_open(table, AccessShareLock);
	if (right != ACLCHECK_OK)
		aclcheck_error(right, OBJECT_TABLE, RelationGetRelationName(blocks->table));
	if (blocks->table->rd_tableam != GetHeapamTableAmRoutine())
		not_shares(blocks->table);
	find_columns(blocks);
	columns = RelationGetDescr(blocks->table)->natts;
	blocks->values = palloc((Size) columns * sizeof(Datum));
	blocks->nulls = palloc((Size) columns * sizeof(bool));
	blocks->row.t_tableOid = table;
	blocks->snapshot = GetActiveSnapshot();

	/* Blocks are read once: few buffers, the same again and again, stay in the processor's cache. */
	blocks->ring = GetAccessStrategy(BAS_BULKREAD);
	end_block = Min(end_block, (int64) RelationGetNumberOfBlocks(blocks->table));
	blocks->end_block = (BlockNumber) Max(end_block, 0);
	blocks->next_block = (BlockNumber) Min(Max(first_block, 0), (int64) blocks->end_block);
	blocks->buffer = InvalidBuffer;
}

static void
end_scan(BlockScan *blocks)
{
	FreeAccessStrategy(blocks->ring);
	table_close(blocks->table, NoLock);
}

/*
 * Does the snapshot see the row? PostgreSQL's own answer is noted in the block, which is written
 * once more for it: that takes as long as reading it. Here thousands of neighbours are of one
 * transaction, nobody deletes them, and nobody reads them often. What is not as simple is left to
 * PostgreSQL. The buffer is locked.
 */
static bool
is_visible(BlockScan *blocks)
{
	const uint16 flags = blocks->row.t_data->t_infomask;

	if ((flags & HEAP_XMAX_INVALID) != 0 &&
		(flags & (HEAP_XMIN_COMMITTED | HEAP_XMIN_INVALID | HEAP_MOVED)) == 0)
	{
		TransactionId writer = HeapTupleHeaderGetRawXmin(blocks->row.t_data);

		if (writer != blocks->known && !TransactionIdIsCurrentTransactionId(writer))
		{
			blocks->known = writer;
			blocks->known_visible =
				!XidInMVCCSnapshot(writer, blocks->snapshot) && TransactionIdDidCommit(writer);
		}
		if (writer == blocks->known)
			return blocks->known_visible;
	}
	return HeapTupleSatisfiesVisibility(&blocks->row, blocks->snapshot, blocks->buffer);
}

/* Sets the row to what is at a line of the block. */
static void
set_row(BlockScan *blocks, Page page, OffsetNumber line)
{
	ItemId item = PageGetItemId(page, line);

	blocks->row.t_data = (HeapTupleHeader) PageGetItem(page, item);
	blocks->row.t_len = ItemIdGetLength(item);
	ItemPointerSet(&blocks->row.t_self, blocks->next_block - 1, line);
}

/* The next block, and which of its rows are seen. As long as it is pinned, they stay where they are. */
static void
read_block(BlockScan *blocks)
{
	Page page;
	OffsetNumber last;

	CHECK_FOR_INTERRUPTS();
	blocks->buffer = ReadBufferExtended(blocks->table, MAIN_FORKNUM, blocks->next_block++,
										RBM_NORMAL, blocks->ring);
	blocks->visible_count = blocks->next_visible = 0;
	LockBuffer(blocks->buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(blocks->buffer);
	last = PageGetMaxOffsetNumber(page);
	for (OffsetNumber line = FirstOffsetNumber; line <= last; line++)
	{
		if (!ItemIdIsNormal(PageGetItemId(page, line)))
			continue;
		set_row(blocks, page, line);
		if (is_visible(blocks))
			blocks->visible[blocks->visible_count++] = line;
	}
	LockBuffer(blocks->buffer, BUFFER_LOCK_UNLOCK);
}

/* The next row, valid until the one after it; false behind the last one. */
static bool
next_row(BlockScan *blocks, ShareRow *row)
{
	while (blocks->next_visible == blocks->visible_count)
	{
		if (BufferIsValid(blocks->buffer))
			ReleaseBuffer(blocks->buffer);
		blocks->buffer = InvalidBuffer;
		if (blocks->next_block == blocks->end_block)
			return false;
		read_block(blocks);
	}
	set_row(blocks, BufferGetPage(blocks->buffer), blocks->visible[blocks->next_visible++]);
	heap_deform_tuple(&blocks->row, RelationGetDescr(blocks->table), blocks->values,
					  blocks->nulls);
	for (int i = 0; i < SHARE_COLUMNS; i++)
	{
		row->values[i] = blocks->values[blocks->columns[i] - 1];
		row->nulls[i] = blocks->nulls[blocks->columns[i] - 1];
	}
	return true;
}

/* ------------------------------------------------------------------ shares in files */

/* Who reads files, and the most that anybody wants of a field. */
typedef struct ShareFiles
{
	FmgrInfo site;
	int32 longest_header;
	int32 longest_payload; /* 0 before the first one */
} ShareFiles;

/* So much of one that is too long that this is seen. */
static void
find_longest(ShareFiles *files, const NullableDatum *arguments)
{
	LOCAL_FCINFO(call, 3);

	InitFunctionCallInfoData(*call, NULL, 3, InvalidOid, NULL, NULL);
	memcpy(call->args, arguments, 3 * sizeof(NullableDatum));
	files->longest_payload = DatumGetInt32(prio_job_longest_share(call)) + 1;
	files->longest_header = DatumGetInt32(prio_job_longest_header(call)) + 1;
}

/* Puts what lies in a file in the place of what the row has not. */
static void
read_files(ShareFiles *files, const NullableDatum *arguments, ShareRow *row)
{
	int32 number = DatumGetInt32(row->values[SHARE_FILE]);
	int64 position = DatumGetInt64(row->values[POSITION]);

	if (row->nulls[SHARE_FILE] || row->nulls[POSITION])
		return;
	if (files->longest_payload == 0)
		find_longest(files, arguments);
	if (row->nulls[HEADER] && !row->nulls[HEADER_BYTES])
	{
		int32 bytes = DatumGetInt32(row->values[HEADER_BYTES]);

		row->values[HEADER] = PointerGetDatum(
			prio_job_file_field(&files->site, number, position - bytes - (int64) sizeof(int32),
								bytes, files->longest_header));
		row->nulls[HEADER] = false;
	}
	if (row->nulls[PAYLOAD] && !row->nulls[BYTES])
	{
		row->values[PAYLOAD] = PointerGetDatum(
			prio_job_file_field(&files->site, number, position,
								DatumGetInt32(row->values[BYTES]), files->longest_payload));
		row->nulls[PAYLOAD] = false;
	}
}

/* ------------------------------------------------------------------ opening */

static void
set_argument(FunctionCallInfo row, int number, const ShareRow *share, ShareColumn column)
{
	row->args[number].value = share->values[column];
	row->args[number].isnull = share->nulls[column];
}

/* Opens all rows that there are; NULL for none. */
static JobOpening *
open_rows(BlockScan *blocks, FunctionCallInfo row, bool ordinals, bool in_files,
		  MemoryContext memory)
{
	MemoryContext row_memory = AllocSetContextCreate(memory, "share", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row_memory);
	ShareFiles files = {{.fn_mcxt = memory}, 0, 0};
	JobOpening *opening = NULL;
	ShareRow share;

	while (next_row(blocks, &share))
	{
		CHECK_FOR_INTERRUPTS();
		if (opening == NULL)
			opening = prio_job_begin_opening(memory);
		if (in_files)
			read_files(&files, &row->args[1], &share);
		set_argument(row, 5, &share, SHARE_ID);
		set_argument(row, 6, &share, ORDINAL);
		row->args[6].isnull |= !ordinals;
		set_argument(row, 7, &share, HEADER);
		set_argument(row, 8, &share, PAYLOAD);
		row->args[9].value = PointerGetDatum(&blocks->row.t_self);
		row->args[9].isnull = false;
		prio_job_open_share(opening, row);
		MemoryContextReset(row_memory);
	}
	MemoryContextSwitchTo(caller);
	return opening;
}

/*
 * open_blocks(shares regclass, first_block bigint, end_block bigint, server text, packet_batch_id text,
 * n_data int, report_times tstzrange, ordinals boolean, files boolean) -> bytea: the opened value of
 * the shares in a range of blocks of their table, as open_shares() makes it. Their ordinals count if ordinals
 * says so, and what is in a file is read if files does. Blocks that are not there have no shares.
 */
Datum
prio_job_open_blocks(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"shares", "first_block", "end_block"};
	MemoryContext memory =
		AllocSetContextCreate(CurrentMemoryContext, "chunk", ALLOCSET_DEFAULT_SIZES);
	bool ordinals;
	bool in_files;
	BlockScan blocks = {0};
	FmgrInfo site = {.fn_mcxt = memory};
	bytea *opened = NULL;
	LOCAL_FCINFO(row, 10);

	for (int i = 0; i < (int) lengthof(names); i++)
		prio_job_require(fcinfo, i, names[i]);
	ordinals = !PG_ARGISNULL(7) && PG_GETARG_BOOL(7);
	in_files = !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);
	InitFunctionCallInfoData(*row, &site, 10, InvalidOid, NULL, NULL);
	for (int i = 1; i <= 4; i++)
		row->args[i] = fcinfo->args[i + 2];

	begin_scan(&blocks, PG_GETARG_OID(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2));
	PG_TRY();
	{
		opened = prio_job_opened_value(open_rows(&blocks, row, ordinals, in_files, memory));
	}
	PG_FINALLY();
	{
		prio_wipe_stack(); /* once for all rows: it takes 0.3 us */
	}
	PG_END_TRY();
	end_scan(&blocks);
	MemoryContextDelete(memory);
	PG_RETURN_BYTEA_P(opened);
}
