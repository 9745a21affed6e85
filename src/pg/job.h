/*
 * job.h
 *		What the files job_*.c share: the functions in C of prio_processor, which its script declares
 *		in processor/chunk.sql.
 *
 * They are about chunks of shares, and work on packed values. All integers are little endian:
 *
 * opened	the private state of a chunk: a head; an entry a share that opened: id (16), replay
 *			digest (16), record, sorted; the total of these shares (the message of it, behind its
 *			length; nothing if there are none); a byte, and so many rejections: the reason, like an
 *			entry of a message, how many shares (8), a byte and so many of their ids; CRC-32C of it
 *			all
 * records	of the agreed shares of a chunk, private: a head; id and record of each, sorted by id;
 *			CRC-32C of it all
 * head		kind, version, protocol, role (1 each), n, bytes of a record, number of records (4
 *			each), digest of the batch (16); n of Prio3 is the bytes of a verifier share
 * record	a number (8), row (4 + 2), protocol, role (1 each), content digest (16), and
 *			of Prio v1, where the number is the ordinal: stored verifier with key
 *			(PRIO1_VERIFIER_BYTES);
 *			of Prio3, where it is the bytes of a verifier share: digest of the batch (16),
 *			verifier share, joint randomness seed (none in Count and Sum)
 * list		entries of id, content digest and replay digest (16 each), sorted by id
 * ids		16 bytes each, sorted
 * message	an entry a share: its length as LEB128 in the shortest form, and the bytes; empty for a
 *			share that is left out. Prio3: in round 1 the verifier share, in round 2 a byte: 1 if a
 *			verifier message can be made and verify_next accepts it, else 0
 * bitmap	bit k mod 8 of byte k / 8 for number k, counted from the least significant one; what is
 *			behind the end is not set
 * verdicts	a byte a share: JobVerdict
 *
 * Digests are the first 16 bytes of SHA-256 over a byte that says of what, and: the content digest
 * over id, ordinal (8), stored verifier and the packet's first 44 bytes, key and nonce: what a row
 * opened to; the replay digest over the packet's first PRIO1_REPLAY_KEY_BYTES. Of Prio3: the content
 * digest over id, SHA-256 of the payload, and the header; the replay digest over SHA-256 of A's
 * share, B's first seed, or, where DAP binds it, the report id itself.
 */
#ifndef PRIO_JOB_H
#define PRIO_JOB_H

#include "prio.h"

#include "prio3/vdaf.h"

#include "access/tupdesc.h"
#include "storage/itemptr.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#define JOB_DIGEST_BYTES 16
#define JOB_HEAD_BYTES 32
#define JOB_CHECKSUM_BYTES 4
#define JOB_LIST_ENTRY_BYTES (UUID_LEN + 2 * JOB_DIGEST_BYTES)
#define JOB_RECORD_HEAD_BYTES (8 + 8 + JOB_DIGEST_BYTES)
#define JOB_PRIO1_RECORD_BYTES (JOB_RECORD_HEAD_BYTES + PRIO1_VERIFIER_BYTES)

/* Entries with a record of so many bytes. */
#define JOB_OPENED_ENTRY_BYTES(record_bytes) \
	(UUID_LEN + JOB_DIGEST_BYTES + (Size) (record_bytes))
#define JOB_RECORDS_ENTRY_BYTES(record_bytes) (UUID_LEN + (Size) (record_bytes))

/* No value has more entries than this: what is counted beyond it is a mistake. */
#define JOB_MAX_ENTRIES 10000000

/* What the servers of a batch speak. Packed values name it: so the numbers stay. */
typedef enum JobProtocol
{
	JOB_PRIO1 = 1,
	JOB_PRIO3 = 2, /* shares as they are */
	JOB_DAP = 3    /* shares of Prio3 in reports of DAP */
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

/* The role of a server, from its options. */
extern PrioRole prio_job_role(const text *server_name);

/* SQL functions of that file that others call. */
extern Datum prio_job_longest_share(PG_FUNCTION_ARGS);
extern Datum prio_job_longest_header(PG_FUNCTION_ARGS);

/* An option of a server; NULL if it does not have it. */
extern const char *prio_job_option(const text *server_name, const char *option);

/* ------------------------------------------------------------------ job_pack.c */

/*
 * A secret value that grows, in a memory context that outlives the row. Starts as zeros. There is
 * room for the length word of a value in front of the data.
 */
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

/* The value, in the memory of the buffer, which is empty then. */
extern bytea *prio_job_take(JobBuffer *buffer);

/* Memory that is used again for every row; whoever writes into it wipes it. */
typedef struct JobScratch
{
	uint8_t *bytes;
	Size room;
} JobScratch;

/* Room for size bytes, in memory that outlives the row; returns it. */
extern uint8_t *prio_job_reserve(JobScratch *scratch, MemoryContext memory, Size size);

/* The first bytes of an entry as a number, which is in the same order. */
extern uint64 prio_job_sort_key(const uint8_t *entry);

/* Sorts entries of a size, which have 8 bytes or more, by their bytes. */
extern void prio_job_sort(JobBuffer *buffer, Size entry_size);

extern void prio_job_write32(uint8_t *out, uint32 value);
extern uint32 prio_job_read32(const uint8_t *bytes);
extern void prio_job_write64(uint8_t *out, uint64 value);
extern uint64 prio_job_read64(const uint8_t *bytes);

/* A head. */
typedef struct JobHead
{
	JobProtocol protocol;
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

/* Reads the head of a value of this kind. */
extern void prio_job_read_head(const uint8_t bytes[JOB_HEAD_BYTES], JobKind kind,
							   const char *name, JobHead *head);

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

/* Such a state by itself, in this memory. */
extern void *prio_job_new_state(MemoryContext memory, Size size, void (*wipe)(void *state));

/* The state in a final function; NULL if there was no row. */
extern void *prio_job_final_state(FunctionCallInfo fcinfo);

/* Raises the error unless the argument of an aggregate is there. */
extern void prio_job_require(FunctionCallInfo fcinfo, int argument, const char *name);

/* The number of an entry, counted from 0; raises the error for what is none. */
extern Size prio_job_number(int32 number);

/* The type of the rows of a function that returns a set, for the memory of all its calls. */
extern TupleDesc prio_job_row_type(FunctionCallInfo fcinfo);

/* A set that is there as a whole when its function returns, on disk where it is more than work_mem. */
typedef struct JobRowSet
{
	Tuplestorestate *rows;
	TupleDesc row_type;
} JobRowSet;

/* Makes the set what the function returns. */
extern JobRowSet prio_job_begin_rows(FunctionCallInfo fcinfo);

extern void prio_job_put_row(JobRowSet *set, Datum *values, bool *nulls);

/* ------------------------------------------------------------------ job_open.c */

/* Why a row is none of a chunk: the status of what failed, or one of the job's own reasons. */
typedef enum JobReason
{
	JOB_OTHER_ID = PRIO_OUT_OF_RANGE + 1, /* DAP: share_id is not the report id */
	JOB_OTHER_TIME, /* DAP: report_times has not the time of the report */
	JOB_REASONS
} JobReason;

/* Opened values, in errors. */
#define JOB_OPENED_NAME "opened shares"

/* Of a reason no more ids are kept than this. */
#define JOB_MAX_IDS 10

typedef struct JobRejections
{
	uint64 shares;
	int ids_count;
	pg_uuid_t ids[JOB_MAX_IDS];
} JobRejections;

/* What came of the rows of a chunk so far. */
typedef struct JobRows
{
	JobHead head;      /* of those that opened: count, and, if there is any, the rest */
	JobBuffer entries; /* JOB_OPENED_ENTRY_BYTES() each */
	JobRejections rejections[JOB_REASONS]; /* by PrioStatus or JobReason */
} JobRows;

/* Counts a row that did not open; id may be NULL. */
extern void prio_job_reject(JobRows *rows, int reason, const pg_uuid_t *id);

/* What a digest is of. */
typedef enum JobDomain
{
	JOB_CONTENT = 1,
	JOB_REPLAY = 2,
	JOB_PAYLOAD = 3,
	JOB_VERIFY_KEY = 4
} JobDomain;

/* The first bytes of SHA-256 over a byte that says of what, and the bytes. */
extern PrioStatus prio_job_digest(JobDomain domain, const uint8_t *bytes, Size size,
								  uint8_t digest[JOB_DIGEST_BYTES]);

/* Raises the error for a chunk whose rows are of several batches. */
extern _Noreturn void prio_job_several_batches(void);

/* Opening a chunk, in memory of its own, which is wiped when it goes. */
typedef struct JobOpening JobOpening;

extern JobOpening *prio_job_begin_opening(MemoryContext memory);

/*
 * Opens a row with the arguments of open_shares_add(), but the first one. What it has read is left on
 * the stack: the caller wipes that, also after an error.
 */
extern void prio_job_open_share(JobOpening *opening, FunctionCallInfo fcinfo);

/* The opened value, after the last row; of no rows opening may be NULL. */
extern bytea *prio_job_opened_value(JobOpening *opening);

/* ------------------------------------------------------------------ job_share_file.c */

/*
 * A field of a share file, as file_bytes() returns it. A call site keeps the file open, and reads
 * ahead in it, as long as its memory is there.
 */
extern bytea *prio_job_file_field(FmgrInfo *site, int32 number, int64 position, int32 bytes,
								  int32 longest);

/* ------------------------------------------------------------------ job_runs.c */

/* The entries of all opened values of a batch, in the order of their bytes. */
typedef struct JobRuns JobRuns;

/* While SPI is connected, whose memory they are in. Raises an error for values of several batches. */
extern JobRuns *prio_job_open_runs(int32 number);

/* Of values that have entries; without any, count is 0. */
extern const JobHead *prio_job_runs_head(const JobRuns *runs);

/*
 * The next entry, valid until the one after it is asked for; NULL behind the last one: until then
 * no more than heads and lengths are known to be right. Raises an error for a value that is damaged.
 */
extern const uint8_t *prio_job_next_of_runs(JobRuns *runs);

/* ------------------------------------------------------------------ job_prio3.c */

/* Opens shares of Prio3, bare or of DAP, some at a time. */
typedef struct JobPrio3Opening JobPrio3Opening;

/* Nothing is opened yet. A row that does not open raises no error. */
extern JobPrio3Opening *prio_job_prio3_begin(const text *server_name, JobRows *rows);

/* The arguments of open_shares_add() of one row. */
extern void prio_job_prio3_add(JobPrio3Opening *opening, FunctionCallInfo fcinfo);

/* Opens what waits: rows is complete then. */
extern void prio_job_prio3_finish(JobPrio3Opening *opening);

/* The aggregate share of what opened, and its bytes. */
extern const uint8_t *prio_job_prio3_total(const JobPrio3Opening *opening, Size *size);

extern void prio_job_prio3_wipe(JobPrio3Opening *opening);

/* Where in a record of Prio3 what is, behind its head. */
#define JOB_PRIO3_BATCH JOB_RECORD_HEAD_BYTES
#define JOB_PRIO3_VERIFIER_SHARE (JOB_PRIO3_BATCH + JOB_DIGEST_BYTES)

/* Can a record of so many bytes have a verifier share of n? */
static inline bool
prio_job_is_prio3_record(Size record_bytes, uint64 n)
{
	return record_bytes >= JOB_PRIO3_VERIFIER_SHARE &&
		n <= record_bytes - JOB_PRIO3_VERIFIER_SHARE &&
		record_bytes - JOB_PRIO3_VERIFIER_SHARE - n <= PRIO3_MAX_SEED_BYTES;
}

/*
 * What round 2 says of a share, from the record and what the other server said in round 1: a byte
 * to out, and how many bytes, 0 when what it said is malformed. server has to have this VDAF.
 */
extern Size prio_job_prio3_round2(const Prio3Vdaf *vdaf, const JobHead *head,
								  const uint8_t *record, const uint8_t *peer_share,
								  Size peer_size, uint8_t out[1]);

/* The VDAF of a server; raises the error unless records with this head are of it. */
extern const Prio3Vdaf *prio_job_prio3_vdaf(const text *server_name, const JobHead *head);

/* sum_records() of Prio3, in a state of its own. */
typedef struct JobPrio3Sum JobPrio3Sum;

extern JobPrio3Sum *prio_job_prio3_begin_sum(MemoryContext memory, const text *server_name,
											 const JobHead *head);

/* The arguments of sum_records_add() of one row. False: the share is not what it was. */
extern bool prio_job_prio3_sum(JobPrio3Sum *sum, FunctionCallInfo fcinfo, const uint8_t *record);
extern bytea *prio_job_prio3_sum_total(const JobPrio3Sum *sum);
extern void prio_job_prio3_wipe_sum(JobPrio3Sum *sum);

/* Sizes that follow from a server's VDAF, as longest_share() and so on say. */
extern Size prio_job_prio3_longest_share(const text *server_name);
extern Size prio_job_prio3_longest_header(const text *server_name);
extern Size prio_job_prio3_usual_share(const text *server_name);
extern Size prio_job_prio3_longest_entry(const text *server_name, int round);
extern bytea *prio_job_prio3_decoy(const text *server_name, int round);

/* ------------------------------------------------------------------ job_records.c */

/* Where in a record what is. */
#define JOB_RECORD_PLACE 8
#define JOB_RECORD_PROTOCOL 14
#define JOB_RECORD_ROLE 15
#define JOB_RECORD_CONTENT 16
#define JOB_RECORD_VERIFIER JOB_RECORD_HEAD_BYTES

/* What records of both protocols begin with, but the content digest. */
extern void prio_job_write_record_head(uint8_t record[JOB_RECORD_HEAD_BYTES], uint64 number,
									   const ItemPointerData *place, JobProtocol protocol,
									   PrioRole role);

extern ItemPointerData prio_job_record_place(const uint8_t *record);

/* Raises the error unless records with these heads are of one batch. */
extern void prio_job_check_batch(const JobHead *a, const JobHead *b);

/* The verifier in a record, with its key; raises the error if there is none. Wipe it. */
extern void prio_job_record_verifier(const uint8_t *record, Prio1Verifier *verifier);

/* ------------------------------------------------------------------ job_rounds.c */

/* Raises the error unless all are JobVerdict; a byte each. */
extern JobReader prio_job_read_verdicts(Datum datum);

#endif /* PRIO_JOB_H */
