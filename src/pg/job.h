/*
 * job.h
 *		What the files job_*.c share: the functions in C of prio_processor, which its script declares
 *		in processor/chunk.sql.
 *
 * They are about chunks of shares, and work on packed values. All integers are little endian:
 *
 * opened	the private state of a chunk: a head; the total of the shares that opened (the message
 *			of it, behind its length; nothing if there are none); a byte, and so many rejections: the
 *			reason, like an entry of a message, how many shares (8), a byte and so many of their ids; an
 *			entry a share that opened: id (16), replay digest (16), record; CRC-32C of it all
 * records	of the agreed shares of a chunk, private: a head; id and record of each, sorted by id;
 *			CRC-32C of it all
 * head		kind, version, protocol, role (1 each), n, bytes of a record, number of records (4
 *			each), digest of the batch (16)
 * record	of a share of Prio v1: ordinal (8), row (4 + 2), zero (2), content digest (16), stored
 *			verifier with key (PRIO1_VERIFIER_BYTES)
 * list		entries of id, content digest and replay digest (16 each), sorted by id
 * ids		16 bytes each, sorted
 * message	an entry a share: its length as LEB128 in the shortest form, and the bytes; empty for a
 *			share that is left out
 * bitmap	bit k mod 8 of byte k / 8 for number k, counted from the least significant one; what is
 *			behind the end is not set
 * verdicts	a byte a share: JobVerdict
 *
 * Digests are the first 16 bytes of SHA-256 over a byte that says of what, and: the content digest
 * over id, ordinal (8), stored verifier and the packet's first 44 bytes, key and nonce: what a row
 * opened to; the replay digest over the packet's first PRIO1_REPLAY_KEY_BYTES.
 */
#ifndef PRIO_JOB_H
#define PRIO_JOB_H

#include "prio.h"

#include "access/tupdesc.h"
#include "storage/itemptr.h"
#include "utils/uuid.h"

#define JOB_DIGEST_BYTES 16
#define JOB_HEAD_BYTES 32
#define JOB_CHECKSUM_BYTES 4
#define JOB_LIST_ENTRY_BYTES (UUID_LEN + 2 * JOB_DIGEST_BYTES)
#define JOB_RECORD_BYTES (8 + 8 + JOB_DIGEST_BYTES + PRIO1_VERIFIER_BYTES)
#define JOB_OPENED_ENTRY_BYTES (UUID_LEN + JOB_DIGEST_BYTES + JOB_RECORD_BYTES)
#define JOB_RECORDS_ENTRY_BYTES (UUID_LEN + JOB_RECORD_BYTES)

/* No value has more entries than this: what is counted beyond it is a mistake. */
#define JOB_MAX_ENTRIES 10000000

/* What the servers of a batch speak. Packed values name it: so the numbers stay. */
typedef enum JobProtocol
{
	JOB_PRIO1 = 1
} JobProtocol;

typedef enum JobKind
{
	JOB_OPENED = 'O',
	JOB_RECORDS = 'R'
} JobKind;

typedef enum JobVerdict
{
	JOB_VALID = 0,
	JOB_LEFT_OUT_HERE = 1,
	JOB_LEFT_OUT_THERE = 2, /* or refused by the other server */
	JOB_NOT_VALID = 3       /* the proof does not hold */
} JobVerdict;

#define JOB_VERDICTS 4

/* ------------------------------------------------------------------ job_protocol.c */

/*
 * What this server speaks; raises an error if there is none of the name. Whoever teaches the job
 * another protocol begins here.
 */
extern JobProtocol prio_job_protocol(const text *server_name);

/* ------------------------------------------------------------------ job_pack.c */

/* A secret value that grows, in a memory context that outlives the row. Starts as zeros. */
typedef struct JobBuffer
{
	MemoryContext memory;
	uint8_t *data;
	Size size;
	Size room;
} JobBuffer;

/* Where more bytes go, which then belong to it; an error beyond what a value may have. */
extern uint8_t *prio_job_extend(JobBuffer *buffer, Size more);

/* Wipes and frees what is in it. */
extern void prio_job_free(JobBuffer *buffer);

/* The value, and the buffer is empty. */
extern bytea *prio_job_take(JobBuffer *buffer);

/* Memory that is used again for every row; whoever writes into it wipes it. */
typedef struct JobScratch
{
	uint8_t *bytes;
	Size room;
} JobScratch;

/* Room for size bytes, in memory that outlives the row; returns it. */
extern uint8_t *prio_job_reserve(JobScratch *scratch, MemoryContext memory, Size size);

/* Sorts fixed-size entries by their bytes, unless they are in order already. */
extern void prio_job_sort(JobBuffer *buffer, Size entry_size);

extern void prio_job_write32(uint8_t *out, uint32 value);
extern uint32 prio_job_read32(const uint8_t *bytes);
extern void prio_job_write64(uint8_t *out, uint64 value);
extern uint64 prio_job_read64(const uint8_t *bytes);

/* A head. */
typedef struct JobHead
{
	PrioRole role;
	uint32 n;
	uint32 record_bytes;
	uint32 count;
	uint8_t digest[PRIO1_DIGEST_BYTES];
} JobHead;

extern void prio_job_write_head(uint8_t out[JOB_HEAD_BYTES], JobKind kind, const JobHead *head);

/* Puts the check sum of what the buffer holds behind it. */
extern void prio_job_close(JobBuffer *buffer);

/* What is still to be read of a packed value. */
typedef struct JobReader
{
	const uint8_t *next;
	const uint8_t *end;
	const char *name; /* for errors */
} JobReader;

/* All of a value of type bytea. */
extern JobReader prio_job_reader(Datum datum, const char *name);

static inline Size
prio_job_left(const JobReader *reader)
{
	return (Size) (reader->end - reader->next);
}

/* Raises the error for a value that is none; detail is a sentence. */
extern _Noreturn void prio_job_damaged(const char *name, const char *detail);

/* The next size bytes; raises the error when they are not there. */
extern const uint8_t *prio_job_read(JobReader *reader, Size size);

/* Checks the check sum and reads the head of a value of this kind. */
extern JobReader prio_job_open(Datum datum, JobKind kind, const char *name, JobHead *head);

/* Records: the reader is left at their first one, and they are all there. */
extern JobReader prio_job_open_records(Datum datum, JobHead *head);

/* The number of entries of a fixed size. */
extern Size prio_job_entries(const JobReader *reader, Size entry_size);

/*
 * The next entry of a message; false when there is none that is well-formed. Never reads behind
 * the end.
 */
extern bool prio_job_read_entry(JobReader *reader, const uint8_t **bytes, Size *size);
extern void prio_job_write_entry(JobBuffer *buffer, const uint8_t *bytes, Size size);

/* Is this number set in a bitmap? bits may be NULL. */
extern bool prio_job_bit(const bytea *bits, Size number);

/*
 * Aggregates: the memory of the group, and its state, of size bytes and zero at first. The state
 * begins with a JobState; wipe() is called when the memory goes, also after an error.
 */
typedef struct JobState
{
	MemoryContextCallback callback;
} JobState;

extern void *prio_job_state(FunctionCallInfo fcinfo, Size size, MemoryContext *memory,
							void (*wipe)(void *state));

/* The state in a final function; NULL if there was no row. */
extern void *prio_job_final_state(FunctionCallInfo fcinfo);

/* Raises the error unless the argument of an aggregate is there. */
extern void prio_job_require(FunctionCallInfo fcinfo, int argument, const char *name);

/* The number of an entry, counted from 0; raises the error for what is none. */
extern Size prio_job_number(int32 number);

/* The type of the rows of a function that returns a set, for the memory of all its calls. */
extern TupleDesc prio_job_row_type(FunctionCallInfo fcinfo);

/* ------------------------------------------------------------------ job_records.c */

/* Where in a record what is. */
#define JOB_RECORD_PLACE 8
#define JOB_RECORD_CONTENT 16
#define JOB_RECORD_VERIFIER (JOB_RECORD_CONTENT + JOB_DIGEST_BYTES)

/* All of a record but the content digest. */
extern void prio_job_write_record(uint8_t record[JOB_RECORD_BYTES], int64 ordinal,
								  const ItemPointerData *place, const Prio1Verifier *verifier);

extern ItemPointerData prio_job_record_place(const uint8_t *record);

/* The verifier in a record, with its key; raises the error if there is none. Wipe it. */
extern void prio_job_record_verifier(const uint8_t *record, Prio1Verifier *verifier);

/* ------------------------------------------------------------------ job_rounds.c */

/* Raises the error unless all are JobVerdict; a byte each. */
extern JobReader prio_job_read_verdicts(Datum datum);

#endif /* PRIO_JOB_H */
