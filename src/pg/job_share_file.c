/*
 * job_share_file.c
 *		Shares that stay in the file in which they came: it is looked through once, for where each of
 *		them is, and read there when they are opened.
 *
 * Such a file is what COPY … TO … (FORMAT binary) writes of (share_id uuid, payload bytea) or
 * (share_id uuid, header bytea, payload bytea): a head; a row, the number of its fields (2), and of
 * each its length (4, -1 for NULL) and its bytes; and -1 (2) as the end. Integers are big endian.
 *
 * Whoever writes the file may still do so. So what is known of it, size and time of the last
 * change, is compared after every time that it is read, of the very file that was read.
 */
#include "job.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

PRIO_FUNCTION(prio_job_file_state);
PRIO_FUNCTION(prio_job_file_rows);
PRIO_FUNCTION(prio_job_file_bytes);

/* What COPY writes first; flags and the length of what may follow them, 4 each, are behind it. */
static const uint8_t SIGNATURE[11] = "PGCOPY\n\377\r\n";

#define HEAD_BYTES (sizeof(SIGNATURE) + 8)

/* Flags that a reader may not know. */
#define FLAGS_TO_IGNORE 0xffffU

/* Bytes that are read at a time where only lengths are looked at. */
#define WINDOW_BYTES 4096

/* Bytes that are read at a time where one field is asked for after the other. */
#define AHEAD_BYTES ((Size) 128 * 1024)

/* Line k of a file has ordinal k, which import_share_lines() bounds so. */
#define MAX_ROWS INT64CONST(1000000000)

typedef struct FileState
{
	int64 bytes;
	int64 modified; /* nanoseconds since 1970 */
} FileState;

/* A file that is open for as long as a memory context lives. */
typedef struct ShareFile
{
	int fd; /* -1 when it is not open */
	char *path;
	FileState known; /* what it has to be */
	MemoryContextCallback at_end;
} ShareFile;

/* ------------------------------------------------------------------ opening */

static void
close_share_file(void *pointer)
{
	ShareFile *file = pointer;

	if (file->fd < 0)
		return;
	close(file->fd);
	ReleaseExternalFD();
	file->fd = -1;
}

static void
report_file_access(const ShareFile *file)
{
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not read share file \"%s\": %m", file->path)));
}

static void
check_is_regular(const ShareFile *file, mode_t mode)
{
	if (!S_ISREG(mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("share file \"%s\" is not a regular file", file->path),
				 errhint("A symbolic link is none, either: name what it leads to.")));
}

/*
 * Opens a file. It waits for nobody at the other end of a pipe, follows no link, and asks nothing of a
 * device: so it looks before it opens, and afterwards whether that is what it has opened.
 */
static ShareFile *
open_share_file(const char *path, MemoryContext memory)
{
	ShareFile *file = MemoryContextAllocZero(memory, sizeof(ShareFile));
	struct stat status;

	file->fd = -1;
	file->path = MemoryContextStrdup(memory, path);
	file->at_end.func = close_share_file;
	file->at_end.arg = file;
	MemoryContextRegisterResetCallback(memory, &file->at_end);

	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("path of a share file must be absolute, as the server sees it")));
	if (lstat(path, &status) != 0)
		report_file_access(file);
	check_is_regular(file, status.st_mode);
	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("too many files are open to read share file \"%s\"", path)));
	file->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0)
	{
		int error = errno;

		ReleaseExternalFD();
		errno = error;
		report_file_access(file);
	}
	if (fstat(file->fd, &status) != 0)
		report_file_access(file);
	check_is_regular(file, status.st_mode);
	return file;
}

static FileState
state_of(const ShareFile *file)
{
	struct stat status;
	FileState state;

	if (fstat(file->fd, &status) != 0)
		report_file_access(file);
	state.bytes = status.st_size;
	/* It may wrap around: it is compared and nothing else. */
	state.modified = (int64) ((uint64) status.st_mtim.tv_sec * 1000000000U +
							  (uint64) status.st_mtim.tv_nsec);
	return state;
}

static void
report_changed(const ShareFile *file)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("share file \"%s\" has changed since it was imported", file->path),
			 errhint(
				 "Put it back as it was, with the time of its last change: the batch goes on then.")));
}

static void
check_unchanged(const ShareFile *file)
{
	FileState now = state_of(file);

	if (now.bytes != file->known.bytes || now.modified != file->known.modified)
		report_changed(file);
}

/* Reads so many bytes, or fewer where the file ends; says how many. */
static Size
read_at(const ShareFile *file, int64 offset, uint8_t *to, Size size)
{
	Size done = 0;

	while (done < size)
	{
		ssize_t count = pread(file->fd, to + done, size - done, (off_t) (offset + (int64) done));

		CHECK_FOR_INTERRUPTS();
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			report_file_access(file);
		if (count == 0)
			break;
		done += (Size) count;
	}
	return done;
}

static int32
read_int32(const uint8_t bytes[4])
{
	return (int32) ((uint32) bytes[0] << 24 | (uint32) bytes[1] << 16 |
					(uint32) bytes[2] << 8 | bytes[3]);
}

static int16
read_int16(const uint8_t bytes[2])
{
	return (int16) (uint16) ((uint32) bytes[0] << 8 | bytes[1]);
}

/*
 * file_state(path text) -> (bytes bigint, modified bigint): the size of a file, and when it was
 * changed. Raises an error if it is none that can have shares.
 */
Datum
prio_job_file_state(PG_FUNCTION_ARGS)
{
	ShareFile *file =
		open_share_file(text_to_cstring(PG_GETARG_TEXT_PP(0)), CurrentMemoryContext);
	FileState state = state_of(file);
	TupleDesc row_type = prio_job_row_type(fcinfo);
	Datum values[2] = {Int64GetDatum(state.bytes), Int64GetDatum(state.modified)};
	bool nulls[2] = {false, false};

	close_share_file(file);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type, values, nulls)));
}

/* ------------------------------------------------------------------ looking through */

/* Between the rows of file_rows(). */
typedef struct FileRows
{
	ShareFile *file;
	int64 offset; /* of the next row */
	int64 row;    /* its number, from 0 */
	int fields;   /* of every row; 0 before the first */
	int64 window_offset;
	Size window_bytes;
	uint8_t window[WINDOW_BYTES];
} FileRows;

static void
report_format(const FileRows *rows, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			 errmsg("share file \"%s\" is not in the binary format of COPY", rows->file->path),
			 errdetail("Row %lld, at byte %lld: %s.", (long long) rows->row,
					   (long long) rows->offset, what),
			 errhint(
				 "Its columns are share_id uuid, header bytea where there is one, and payload bytea.")));
}

/* So many bytes at the offset, which they move. No more are believed to be there than the file has. */
static const uint8_t *
take(FileRows *rows, Size size)
{
	int64 at = rows->offset;

	if ((int64) size > rows->file->known.bytes - at)
		report_format(rows, "it ends in the middle");
	if (at < rows->window_offset ||
		at + (int64) size > rows->window_offset + (int64) rows->window_bytes)
	{
		rows->window_offset = at;
		rows->window_bytes = read_at(rows->file, at, rows->window, WINDOW_BYTES);
		if (rows->window_bytes < size)
			report_changed(rows->file);
	}
	rows->offset = at + (int64) size;
	return rows->window + (at - rows->window_offset);
}

/* The length of a field, which is in the file as a whole; -1 for NULL. */
static int32
take_length(FileRows *rows)
{
	int32 length = read_int32(take(rows, 4));

	if (length < -1)
		report_format(rows, "a length is negative");
	if (length > rows->file->known.bytes - rows->offset)
		report_format(rows, "it ends in the middle");
	return length;
}

static void
take_head(FileRows *rows)
{
	const uint8_t *head = take(rows, HEAD_BYTES);

	if (memcmp(head, SIGNATURE, sizeof(SIGNATURE)) != 0)
		report_format(rows, "its first bytes are not those of such a file");
	if (((uint32) read_int32(head + sizeof(SIGNATURE)) & ~FLAGS_TO_IGNORE) != 0)
		report_format(rows, "its head has flags that are not known");
	rows->offset -= 4;
	rows->offset += Max(take_length(rows), 0);
}

/* The next row; false at the end. */
static bool
take_row(FileRows *rows, Datum values[5], bool nulls[5], pg_uuid_t *id)
{
	int fields = read_int16(take(rows, 2));
	int32 length;

	if (fields == -1)
	{
		if (rows->offset != rows->file->known.bytes)
			report_format(rows, "there is something behind the end");
		return false;
	}
	if (rows->fields == 0 && (fields == 2 || fields == 3))
		rows->fields = fields;
	if (fields == 0 || fields != rows->fields)
		report_format(rows, "it has another number of columns");
	if (rows->row == MAX_ROWS)
		report_format(rows, "there are more than 1000000000 rows");

	values[0] = Int64GetDatum(rows->row);
	length = take_length(rows);
	if (length != UUID_LEN && length != -1)
		report_format(rows, "share_id is no uuid");
	nulls[1] = length < 0;
	if (length > 0)
		memcpy(id->data, take(rows, UUID_LEN), UUID_LEN);
	values[1] = UUIDPGetDatum(id);

	length = fields == 3 ? take_length(rows) : -1;
	rows->offset += Max(length, 0);
	values[4] = Int32GetDatum(length);
	nulls[4] = length < 0;

	values[2] = Int64GetDatum(rows->offset);
	length = take_length(rows);
	rows->offset += Max(length, 0);
	values[3] = Int32GetDatum(length);
	nulls[2] = nulls[3] = length < 0;
	rows->row++;
	return true;
}

/* Who is told that shares were taken may forget them: so they are on the disk by then. */
static void
sync_share_file(const ShareFile *file)
{
	char *folder;

	if (!enableFsync)
		return;
	if (fsync(file->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not fsync share file \"%s\": %m", file->path)));
	folder = pstrdup(file->path);
	get_parent_directory(folder);
	(void) fsync_fname_ext(folder[0] == '\0' ? "/" : folder, true, true, ERROR);
	pfree(folder);
}

/*
 * file_rows(path text, bytes bigint, modified bigint) -> SETOF (ordinal bigint, share_id uuid, position
 * bigint, bytes int, header_bytes int): the shares of a file, in their order. position is where the
 * length of the payload stands, bytes that length, and the header ends where position is; NULL for
 * what is NULL in the file. Only lengths are read. A file that is not what it should be, or not
 * any more when all of it was seen, is an error.
 */
Datum
prio_job_file_rows(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	FileRows *rows;
	pg_uuid_t id;
	Datum values[5];
	bool nulls[5] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		rows = palloc0(sizeof(FileRows));
		rows->file = open_share_file(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									 calls->multi_call_memory_ctx);
		rows->file->known.bytes = PG_GETARG_INT64(1);
		rows->file->known.modified = PG_GETARG_INT64(2);
		check_unchanged(rows->file);
		take_head(rows);
		calls->user_fctx = rows;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	rows = calls->user_fctx;
	CHECK_FOR_INTERRUPTS();
	if (!take_row(rows, values, nulls, &id))
	{
		sync_share_file(rows->file);
		check_unchanged(rows->file);
		SRF_RETURN_DONE(calls);
	}
	SRF_RETURN_NEXT(calls, HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
}

/* ------------------------------------------------------------------ reading */

/* The file that a call site has open: shares lie in their order in it. */
typedef struct OpenFile
{
	int32 number;
	ShareFile *file;
	MemoryContext memory; /* of the file, so that it is closed before the next one */
	int64 next;           /* behind the field that was read last */
	uint8_t *ahead;       /* AHEAD_BYTES of the file, or NULL */
	int64 ahead_at;
	Size ahead_size;
} OpenFile;

/* The file of a number, from the table that says which one that is. */
static ShareFile *
find_share_file(int32 number, MemoryContext memory)
{
	Oid types[1] = {INT4OID};
	Datum arguments[1] = {Int32GetDatum(number)};
	ShareFile *file;
	HeapTuple row;
	bool is_null;

	SPI_connect();
	if (SPI_execute_with_args("SELECT f.path, f.bytes, f.modified FROM prio_internal.file AS f WHERE f.file OPERATOR(pg_catalog.=) $1",
							  1, types, arguments, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for a share file");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no share file with number %d", number)));
	row = SPI_tuptable->vals[0];
	file = open_share_file(SPI_getvalue(row, SPI_tuptable->tupdesc, 1), memory);
	file->known.bytes = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &is_null));
	file->known.modified = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &is_null));
	SPI_finish();
	return file;
}

static OpenFile *
file_of_call(FmgrInfo *site, int32 number)
{
	OpenFile *open = site->fn_extra;

	if (open == NULL)
	{
		open = MemoryContextAllocZero(site->fn_mcxt, sizeof(OpenFile));
		open->memory = AllocSetContextCreate(site->fn_mcxt, "share file", ALLOCSET_SMALL_SIZES);
		site->fn_extra = open;
	}
	if (open->file == NULL || open->number != number)
	{
		open->file = NULL;
		open->ahead = NULL;
		open->ahead_size = 0;
		open->next = 0;
		MemoryContextReset(open->memory);
		open->file = find_share_file(number, open->memory);
		open->number = number;
	}
	return open;
}

static void
read_or_report(const ShareFile *file, int64 position, uint8_t *to, Size size)
{
	if (read_at(file, position, to, size) < size)
		report_changed(file);
	check_unchanged(file);
}

/* Part of the file. Who reads one after the other, as opening does, asks the system once for many. */
static void
read_field(OpenFile *open, int64 position, uint8_t *to, Size size)
{
	int64 skipped = position - open->next;

	open->next = position + (int64) size;
	if (open->ahead == NULL || position < open->ahead_at ||
		open->next > open->ahead_at + (int64) open->ahead_size)
	{
		if (size > AHEAD_BYTES || skipped < 0 || skipped > (int64) AHEAD_BYTES / 8)
		{
			read_or_report(open->file, position, to, size);
			return;
		}
		if (open->ahead == NULL)
			open->ahead = MemoryContextAlloc(open->memory, AHEAD_BYTES);
		open->ahead_at = position;
		open->ahead_size = (Size) Min((int64) AHEAD_BYTES, open->file->known.bytes - position);
		if (open->ahead_size < size)
			report_changed(open->file);
		read_or_report(open->file, position, open->ahead, open->ahead_size);
	}
	memcpy(to, open->ahead + (position - open->ahead_at), size);
}

bytea *
prio_job_file_field(FmgrInfo *site, int32 number, int64 position, int32 bytes, int32 longest)
{
	OpenFile *open = file_of_call(site, number);
	bytea *field;
	Size size;

	if (position < 0 || bytes < 0 || longest < 0 || position > open->file->known.bytes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("no share of share file \"%s\" can be at such a place",
						open->file->path)));
	size = (Size) Min(bytes, longest);
	field = prio_allocate_bytea(size);

	/* The length is where that of the value is going to be. */
	StaticAssertStmt(VARHDRSZ == 4, "a length takes as much there as here");
	read_field(open, position, (uint8_t *) field, VARHDRSZ + size);
	if (read_int32((const uint8_t *) field) != bytes)
		report_changed(open->file);
	SET_VARSIZE(field, VARHDRSZ + size);
	return field;
}

/*
 * file_bytes(file int, position bigint, bytes int, longest int) -> bytea: the field of a share file whose
 * length, bytes, stands at position; of one that is longer than longest only so much. Raises an
 * error if the file is not there, or is not as it was.
 */
Datum
prio_job_file_bytes(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(prio_job_file_field(fcinfo->flinfo, PG_GETARG_INT32(0), PG_GETARG_INT64(1),
										  PG_GETARG_INT32(2), PG_GETARG_INT32(3)));
}
