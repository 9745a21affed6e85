/*
 * pull.c
 *		One query in the database of the other server, which is nobody's friend.
 *
 * Nothing here waits but for the latch, so that an interrupt or the deadline ends it wherever
 * it is; libpq is never asked for anything that it might wait for itself, its way to cancel a
 * query among it: the socket is closed, and the other server sees that. It holds no lock and
 * calls no code of the caller's.
 *
 * A connection costs both sides a process, some 10 ms and more with TLS, and run() has many
 * questions: so it is kept for the next one, outside of a transaction there, until the client's
 * statement ends. An error of any kind closes it.
 *
 * What may come is bounded in bytes: rows, notices and the like, and what libpq allocates for
 * a message that has not come to its end (as far as the C library can tell: glibc can).
 *
 * Two things remain libpq's, and neither the deadline nor a signal ends them: looking up a host
 * name takes as long as the resolver's settings let it, and proving a password by SCRAM takes
 * as many rounds as the other server asks for, up to 2^31 of about a microsecond. Who does not
 * trust it that far gives the mapping a certificate instead, or keys (scram_client_key).
 */
#include "job.h"
#include "job_text.h"
#include "peer.h"

#include "catalog/pg_type.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "libpq-fe.h"

#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

PRIO_FUNCTION(prio_pull);

/* Our queries have a handful. libpq copies the description of all columns for each row. */
#define MAX_COLUMNS 32
#define MAX_PARAMETERS 100

/* What a row counts besides its bytes, and what a column does: about what they take here. */
#define ROW_OVERHEAD 64
#define COLUMN_OVERHEAD 8

/* What libpq may take whatever it receives: certificates, buffers of TLS, its own. */
#define LIBRARY_BYTES ((int64) 16 * 1024 * 1024)

/* In milliseconds; then the clock is looked at again. */
#define MAX_WAIT 60000

/* Connections that are kept, and for how long, in milliseconds: what is between may forget one. */
#define MAX_KEPT 8
#define MAX_IDLE 60000

/* So much of a text of the other server is logged, in bytes. */
#define MAX_LOGGED 2000

/* So much longer than we wait does the other side go on, in milliseconds: it is we who are late. */
#define GRACE 1000

/*
 * Before the query: the same meaning of what it says whatever the other side's settings, no
 * change to anything there, and an end of what nobody waits for. Not every operating system can
 * notice that a client is gone.
 */
#define PREPARATION \
	"START TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY; " \
	"SET LOCAL statement_timeout = " INT64_FORMAT "; " \
	"SET LOCAL search_path = pg_catalog, pg_temp; " \
	"SET LOCAL standard_conforming_strings = on; " \
	"SET LOCAL datestyle = iso; " \
	"SET LOCAL intervalstyle = postgres; " \
	"SET LOCAL timezone = 'UTC'; " \
	"SET LOCAL extra_float_digits = 3; " \
	"SELECT pg_catalog.set_config('client_connection_check_interval', '1s', true) " \
	"WHERE pg_catalog.version() LIKE '%%linux%%'"

typedef struct Pull
{
	PrioPeer *peer;
	PGconn *conn;
	PGresult *result;   /* what came last */
	bool fd_is_counted; /* among those that the backend may have open */

	int64 deadline; /* of all, on the clock of now_ms() */
	int64 timeout;  /* of what is waited for: deadline, or earlier */

	int64 max_bytes;
	int64 bytes;         /* received so far */
	int64 library_bytes; /* what libpq holds, as far as malloc() can tell */

	JobRowSet rows;
	MemoryContext row_memory;
} Pull;

/* A connection between two questions. */
typedef struct Kept
{
	PGconn *conn;                 /* NULL: none */
	uint8_t way[PRIO_HASH_BYTES]; /* digest of all that it was made with, a password among it */
	int64 since;
	int64 library_bytes; /* as in Pull */
} Kept;

static Kept kept[MAX_KEPT];
static bool closes_kept; /* when the statement ends */

static int64
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ errors */

/* Overwrites each of the other string's occurrences with asterisks. */
static void
blot_out(char *text, const char *secret)
{
	Size size = secret == NULL ? 0 : strlen(secret);

	if (size == 0)
		return;
	for (char *p = text; (p = strstr(p, secret)) != NULL; p += size)
		memset(p, '*', size);
}

/*
 * A text of libpq or of the other server as the server log may have it: on one line, not
 * long, and without what we said to prove who we are.
 */
static char *
for_log(const Pull *pull, const char *text)
{
	/* Beyond what is logged, so that a secret at the end of that is seen as a whole. */
	char *copy = pnstrdup(text, (Size) 2 * MAX_LOGGED);
	Size size;

	for (int i = 0; i < PRIO_PEER_MAX_SECRETS; i++)
		blot_out(copy, pull->peer->secrets[i]);
	/* The password may be from a file. */
	blot_out(copy, PQpass(pull->conn));
	size = strlen(copy);
	if (size > MAX_LOGGED)
		for (size = MAX_LOGGED; size > 0 && (copy[size] & 0xc0) == 0x80;)
			size--;
	while (size > 0 && copy[size - 1] == '\n')
		size--;
	return prio_job_for_log(copy, size);
}

static const char *
or_nothing(const char *value)
{
	return value == NULL ? "" : value;
}

/*
 * To the server log alone, what went wrong in the words of libpq or of the other server. An
 * error would not do: who calls us may catch it, and its readers must not know where the
 * other server is.
 */
static void
log_reason(const Pull *pull, const char *text)
{
	ereport(LOG_SERVER_ONLY,
			(errmsg("pulling from server \"%s\" failed", pull->peer->name),
			 errdetail("Host \"%s\", address \"%s\", port \"%s\": %s",
					   for_log(pull, or_nothing(PQhost(pull->conn))),
					   for_log(pull, or_nothing(PQhostaddr(pull->conn))),
					   for_log(pull, or_nothing(PQport(pull->conn))), for_log(pull, text)),
			 errhidestmt(true), errhidecontext(true)));
}

static _Noreturn void
connecting_failed(const Pull *pull)
{
	log_reason(pull, PQerrorMessage(pull->conn));
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not connect to server \"%s\"", pull->peer->name),
			 PQconnectionNeedsPassword(pull->conn) ?
				 errhint(
					 "The other server asks for a password, and the user mapping has none. The server log has the reason.") :
				 PQconnectionUsedPassword(pull->conn) ?
				 errhint(
					 "The server log has the reason. Check the user mapping, and whether the other server lets its user in.") :
				 pull->peer->has_service ?
				 errhint(
					 "The server log has the reason. A service is looked up in the files of the server process, not in those of psql: its PGSERVICEFILE, its home directory, its pg_service.conf.") :
				 errhint(
					 "The server log has the reason. Check the options of the server and of the user mapping, and whether the other server lets that user in.")));
}

static _Noreturn void
timed_out(const Pull *pull)
{
	bool connected = PQstatus(pull->conn) == CONNECTION_OK;

	log_reason(pull, "It took too long.");
	ereport(ERROR,
			(errcode(connected ? ERRCODE_CONNECTION_FAILURE :
								 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 connected ?
				 errmsg("server \"%s\" did not answer in time", pull->peer->name) :
				 errmsg("could not connect to server \"%s\" in time", pull->peer->name)));
}

static _Noreturn void
connection_lost(const Pull *pull)
{
	log_reason(pull, PQerrorMessage(pull->conn));
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("lost the connection to server \"%s\"", pull->peer->name),
			 errhint("The server log has the reason.")));
}

static _Noreturn void
too_much(const Pull *pull)
{
	log_reason(pull, "It sent too much.");
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("server \"%s\" sent too much", pull->peer->name),
			 errdetail("It may send " INT64_FORMAT " bytes.", pull->max_bytes)));
}

static bool
is_sqlstate(const char *code)
{
	return code != NULL && strlen(code) == 5 &&
		strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
}

/*
 * What came last is not what the query asked for. The error has never the SQLSTATE of the
 * other side's, or that could choose who catches it.
 */
static _Noreturn void
query_failed(const Pull *pull)
{
	const char *code = PQresultErrorField(pull->result, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(pull->result, PG_DIAG_SEVERITY_NONLOCALIZED);
	bool lost = PQstatus(pull->conn) != CONNECTION_OK ||
		(severity != NULL && strcmp(severity, "ERROR") != 0);

	if (pull->result == NULL || PQresultStatus(pull->result) != PGRES_FATAL_ERROR)
	{
		log_reason(pull, "It answered with what does not belong to the query.");
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("server \"%s\" did not answer the query", pull->peer->name)));
	}
	log_reason(pull, PQresultErrorMessage(pull->result));
	ereport(ERROR,
			(errcode(lost ? ERRCODE_CONNECTION_FAILURE : ERRCODE_FDW_ERROR),
			 lost ? errmsg("lost the connection to server \"%s\"", pull->peer->name) :
					errmsg("query failed on server \"%s\"", pull->peer->name),
			 is_sqlstate(code) ? errdetail("It says SQLSTATE %s.", code) : 0,
			 errhint("The server log has the reason.")));
}

/* ------------------------------------------------------------------ bounds */

/*
 * What malloc() has given out in this process. libpq makes room for a whole message as soon as
 * it has seen its length, so this grows before anything of it has come.
 */
static int64
allocated_bytes(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	struct mallinfo2 info = mallinfo2();

	return (int64) (info.uordblks + info.hblkhd);
#else
	return 0;
#endif
}

static void
count_bytes(Pull *pull, int64 bytes)
{
	/* Neither is ever near the end of its range. */
	pull->bytes += bytes;
	if (pull->bytes > pull->max_bytes)
		too_much(pull);
}

/* Counts the rows, none or one, of what came last. */
static void
count_rows(Pull *pull)
{
	const PGresult *result = pull->result;
	int count = PQnfields(result);
	int64 bytes = ROW_OVERHEAD + (int64) count * COLUMN_OVERHEAD;

	if (PQntuples(result) > 0)
		for (int i = 0; i < count; i++)
			bytes += PQgetlength(result, 0, i);
	/* A row becomes one value. */
	if (bytes > (int64) MaxAllocSize)
		too_much(pull);
	count_bytes(pull, bytes);
}

/*
 * Counts what libpq allocated since malloc() had given out so much. Its buffer has up to
 * twice the size of a message, and what becomes of that is allocated besides.
 */
static void
count_library(Pull *pull, int64 before)
{
	pull->library_bytes += allocated_bytes() - before;
	if ((pull->library_bytes - LIBRARY_BYTES) / 3 > pull->max_bytes)
		too_much(pull);
	/* Notices that libpq has taken meanwhile. */
	count_bytes(pull, 0);
}

/* Called by libpq, which an error must not leave. */
static void
count_notice(void *arg, const PGresult *notice)
{
	Pull *pull = arg;

	if (pull != NULL)
		pull->bytes += ROW_OVERHEAD + (int64) strlen(PQresultErrorMessage(notice));
}

/* ------------------------------------------------------------------ waiting */

/* Waits until the socket is ready, or for less: returns whether it is. */
static bool
wait_for_socket(Pull *pull, int events)
{
	int64 left = pull->timeout - now_ms();
	int ready;

	CHECK_FOR_INTERRUPTS();
	if (left <= 0)
		timed_out(pull);
	ready =
		WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT | events,
						  PQsocket(pull->conn), (long) Min(left, MAX_WAIT), PG_WAIT_EXTENSION);
	if (ready & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return (ready & events) != 0;
}

static void
drop_notifications(Pull *pull)
{
	PGnotify *notification;

	while ((notification = PQnotifies(pull->conn)) != NULL)
	{
		pull->bytes += ROW_OVERHEAD + (int64) strlen(notification->extra);
		PQfreemem(notification);
	}
}

/*
 * Takes what has come. A record of TLS is decrypted as a whole, 16 kB; libpq, with room for at
 * least 8 kB, may leave a part of it where no socket shows that it is there: so there are
 * several tries. (Not so since the minor releases of 2026.)
 */
static void
consume_input(Pull *pull)
{
	int64 before = allocated_bytes();
	bool good = true;

	for (int i = 0; i < 3 && good && PQisBusy(pull->conn); i++)
		good = PQconsumeInput(pull->conn) != 0;
	/* Looks at what has come, and makes room for more. */
	(void) PQisBusy(pull->conn);
	drop_notifications(pull);
	count_library(pull, before);
	/* What came before the connection broke is still to be had, its reason among it. */
	if (!good && PQsocket(pull->conn) >= 0)
		connection_lost(pull);
}

/* Sends what libpq has to send, and takes what comes: the other side may wait for that. */
static void
flush_output(Pull *pull)
{
	int status;

	for (;;)
	{
		int64 before = allocated_bytes();

		/* Reads as well, when the other side takes nothing. */
		status = PQflush(pull->conn);
		count_library(pull, before);
		if (status <= 0)
			break;
		if (wait_for_socket(pull, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE))
			consume_input(pull);
		if (PQsocket(pull->conn) < 0)
			break;
	}
	if (status != 0)
		connection_lost(pull);
}

/* The next result, or NULL if there are no more; valid until the next call. */
static const PGresult *
next_result(Pull *pull)
{
	int64 before = allocated_bytes();
	bool busy;

	PQclear(pull->result);
	pull->result = NULL;
	busy = PQisBusy(pull->conn);
	count_library(pull, before);

	/* Rows may come faster than we take them: then nobody waits. */
	CHECK_FOR_INTERRUPTS();
	if (now_ms() > pull->timeout)
		timed_out(pull);
	while (busy && PQsocket(pull->conn) >= 0)
	{
		if (wait_for_socket(pull, WL_SOCKET_READABLE))
			consume_input(pull);
		busy = PQisBusy(pull->conn);
	}
	pull->result = PQgetResult(pull->conn);
	return pull->result;
}

/* ------------------------------------------------------------------ steps */

static void
connect_to_peer(Pull *pull)
{
	int64 before;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to server \"%s\"", pull->peer->name),
				 errdetail("There are too many open files in this session."),
				 errhint("Raise max_files_per_process, and the operating system's limit.")));
	pull->fd_is_counted = true;
	if (pull->peer->connect_timeout > 0)
		pull->timeout =
			Min(pull->deadline, now_ms() + (int64) pull->peer->connect_timeout * 1000);

	before = allocated_bytes();
	pull->conn = PQconnectStartParams(pull->peer->keywords, pull->peer->values, 0);
	if (pull->conn == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PQsetNoticeReceiver(pull->conn, count_notice, pull);

	/*
	 * From now on libpq fails where it would wait to send: all that it sends to connect fits
	 * into the buffer of a socket, unless the other side asks for it again and again.
	 */
	if (PQstatus(pull->conn) == CONNECTION_BAD || PQsetnonblocking(pull->conn, 1) != 0)
		connecting_failed(pull);
	count_library(pull, before);
	while (status != PGRES_POLLING_OK)
	{
		while (!wait_for_socket(pull,
								status == PGRES_POLLING_READING ? WL_SOCKET_READABLE :
																  WL_SOCKET_WRITEABLE))
			;
		before = allocated_bytes();
		status = PQconnectPoll(pull->conn);
		count_library(pull, before);
		if (status != PGRES_POLLING_READING && status != PGRES_POLLING_WRITING &&
			status != PGRES_POLLING_OK)
			connecting_failed(pull);
	}
	pull->timeout = pull->deadline;
}

/* Commands that give nothing to keep. Rows come one by one, as if there could be many. */
static void
run_commands(Pull *pull, const char *commands)
{
	const PGresult *result;

	if (!PQsendQuery(pull->conn, commands) || !PQsetSingleRowMode(pull->conn))
		connection_lost(pull);
	flush_output(pull);
	while ((result = next_result(pull)) != NULL)
	{
		ExecStatusType status = PQresultStatus(result);

		if (status != PGRES_COMMAND_OK && status != PGRES_SINGLE_TUPLE &&
			status != PGRES_TUPLES_OK)
			query_failed(pull);
		count_rows(pull);
	}
}

static void
prepare_session(Pull *pull)
{
	int64 left = Max(pull->deadline - now_ms(), 0);

	run_commands(pull, psprintf(PREPARATION, Min(left + GRACE, PG_INT32_MAX)));
	pull->bytes = 0;
}

/* Keeps the row that came last, an array with the bytes of its columns. */
static void
keep_row(Pull *pull)
{
	const PGresult *result = pull->result;
	int count = PQnfields(result);
	Datum columns[MAX_COLUMNS];
	bool nulls[MAX_COLUMNS];
	int lower_bound = 1;
	Datum row;
	bool row_is_null = false;
	MemoryContext old_memory;

	if (count > MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("server \"%s\" sent too many columns", pull->peer->name),
				 errdetail("There may be %d.", MAX_COLUMNS)));
	/* Before anything is allocated. */
	count_rows(pull);

	old_memory = MemoryContextSwitchTo(pull->row_memory);
	for (int i = 0; i < count; i++)
	{
		nulls[i] = PQgetisnull(result, 0, i);
		columns[i] = nulls[i] ?
			(Datum) 0 :
			PointerGetDatum(prio_bytea(PQgetvalue(result, 0, i), PQgetlength(result, 0, i)));
	}
	row = count == 0 ?
		PointerGetDatum(construct_empty_array(BYTEAOID)) :
		PointerGetDatum(construct_md_array(columns, nulls, 1, &count, &lower_bound, BYTEAOID,
										   -1, false, TYPALIGN_INT));
	prio_job_put_row(&pull->rows, &row, &row_is_null);
	MemoryContextSwitchTo(old_memory);
	MemoryContextReset(pull->row_memory);
}

static void
run_query(Pull *pull, const char *query, int count, const char *const *parameters)
{
	ExecStatusType status;

	if (!PQsendQueryParams(pull->conn, query, count, NULL, parameters, NULL, NULL, 1) ||
		!PQsetSingleRowMode(pull->conn))
		connection_lost(pull);
	flush_output(pull);
	while ((status = PQresultStatus(next_result(pull))) == PGRES_SINGLE_TUPLE)
		keep_row(pull);
	if (status != PGRES_TUPLES_OK)
		query_failed(pull);
}

/* Never waits: the socket is not blocking, so neither is the good-bye. */
static void
disconnect(Pull *pull)
{
	PQclear(pull->result);
	PQfinish(pull->conn);
	if (pull->fd_is_counted)
		ReleaseExternalFD();
	prio_peer_wipe(pull->peer);
}

/* ------------------------------------------------------------------ from one question to the next */

/* What a connection is made with: of another password, for one, it would be another one. */
static void
digest_of_way(const PrioPeer *peer, uint8_t way[PRIO_HASH_BYTES])
{
	StringInfoData text;
	size_t size = 0;
	PrioStatus status;

	for (int i = 0; peer->keywords[i] != NULL; i++)
		size += strlen(peer->keywords[i]) + strlen(peer->values[i]) + 2;
	/* At once, as what it grows out of is not wiped. */
	initStringInfo(&text);
	enlargeStringInfo(&text, (int) size);
	for (int i = 0; peer->keywords[i] != NULL; i++)
	{
		appendBinaryStringInfo(&text, peer->keywords[i], (int) strlen(peer->keywords[i]) + 1);
		appendBinaryStringInfo(&text, peer->values[i], (int) strlen(peer->values[i]) + 1);
	}
	status = prio_sha256((const uint8_t *) text.data, (size_t) text.len, NULL, 0, way);
	prio_wipe(text.data, (size_t) text.maxlen);
	pfree(text.data);
	prio_check(status);
}

/* Takes a connection out of its place, which is free then. */
static PGconn *
take_out(Kept *place)
{
	PGconn *conn = place->conn;

	prio_wipe(place->way, PRIO_HASH_BYTES);
	place->conn = NULL;
	return conn;
}

/* Called when the client's statement has ended, in whichever way. */
static void
close_kept(void *arg)
{
	closes_kept = false;
	for (int i = 0; i < MAX_KEPT; i++)
	{
		if (kept[i].conn == NULL)
			continue;
		PQfinish(take_out(&kept[i]));
		ReleaseExternalFD();
	}
}

/* Is a kept connection as it was? What came over it unasked is thrown away, and counts. */
static bool
is_alive(Pull *pull, int64 since)
{
	PGconn *conn = pull->conn;
	int64 before = allocated_bytes();
	bool good = true;

	/* The last words of the other side are there before the end is. */
	for (int i = 0; i < 3 && good; i++)
	{
		good = PQconsumeInput(conn) != 0;
		(void) PQisBusy(conn);
	}
	drop_notifications(pull);
	count_library(pull, before);
	return good && now_ms() - since <= MAX_IDLE && !PQisBusy(conn) &&
		PQstatus(conn) == CONNECTION_OK && PQtransactionStatus(conn) == PQTRANS_IDLE;
}

/* Takes the connection that was made in this way, if there is one and the other side has not closed it. */
static void
take_kept(Pull *pull, const uint8_t way[PRIO_HASH_BYTES])
{
	for (int i = 0; i < MAX_KEPT; i++)
	{
		if (kept[i].conn == NULL || memcmp(kept[i].way, way, PRIO_HASH_BYTES) != 0)
			continue;
		pull->conn = take_out(&kept[i]);
		pull->fd_is_counted = true;
		pull->library_bytes = kept[i].library_bytes;
		PQsetNoticeReceiver(pull->conn, count_notice, pull);
		if (!is_alive(pull, kept[i].since))
		{
			PQfinish(pull->conn);
			ReleaseExternalFD();
			pull->conn = NULL;
			pull->fd_is_counted = false;
			pull->library_bytes = 0;
		}
		return;
	}
}

/*
 * Keeps the connection, if it is about as it was when it was made, for as long as the client's
 * statement takes: MessageContext is reset before the next one is read, also after an error. A
 * background worker may have none.
 */
static void
keep_connection(Pull *pull, const uint8_t way[PRIO_HASH_BYTES])
{
	static MemoryContextCallback at_end = {.func = close_kept};
	Kept *place = NULL;

	for (int i = 0; i < MAX_KEPT; i++)
		if (kept[i].conn == NULL)
			place = &kept[i];
	if (MessageContext == NULL || place == NULL || pull->library_bytes > LIBRARY_BYTES / 2 ||
		next_result(pull) != NULL)
		return;
	pull->bytes = 0;
	run_commands(pull, "COMMIT");
	if (PQtransactionStatus(pull->conn) != PQTRANS_IDLE)
		return;
	if (!closes_kept)
		MemoryContextRegisterResetCallback(MessageContext, &at_end);
	closes_kept = true;
	PQsetNoticeReceiver(pull->conn, count_notice, NULL);
	place->conn = pull->conn;
	memcpy(place->way, way, PRIO_HASH_BYTES);
	place->since = now_ms();
	place->library_bytes = pull->library_bytes;
	pull->conn = NULL;
	pull->fd_is_counted = false;
}

/* ------------------------------------------------------------------ function */

/* The parameters as libpq takes them, NULL for NULL. */
static const char **
convert_parameters(ArrayType *array, int *count)
{
	Datum *values;
	bool *nulls;
	const char **result;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	if (*count > MAX_PARAMETERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("too many parameters"),
				 errdetail("There may be %d.", MAX_PARAMETERS)));
	result = palloc0((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
		if (!nulls[i])
			result[i] = prio_job_to_utf8(TextDatumGetCString(values[i]), "a parameter");
	return result;
}

static int64
interval_ms(const Interval *interval)
{
	int64 days = (int64) interval->month * DAYS_PER_MONTH + interval->day;

	return days * (SECS_PER_DAY * 1000) + interval->time / 1000;
}

/*
 * pull(peer_server name, query text, parameters text[], max_bytes bigint, deadline interval)
 * -> SETOF bytea[]: what the query gives there, an array a row with the bytes of its columns
 * in binary format. Not more than max_bytes, of which a row takes 64 and a column 8 besides
 * theirs, and not later than the deadline.
 *
 * Errors: sqlclient_unable_to_establish_sqlconnection before there is a connection,
 * connection_failure when it is lost or the deadline passes, program_limit_exceeded for too
 * much, fdw_error when the other side says that the query failed, protocol_violation for any
 * other answer. None says where the other server is or what it said: the server log does.
 */
Datum
prio_pull(PG_FUNCTION_ARGS)
{
	const char *query = prio_job_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1)), "a query");
	int count;
	const char **parameters = convert_parameters(PG_GETARG_ARRAYTYPE_P(2), &count);
	int64 wait = interval_ms(PG_GETARG_INTERVAL_P(4));
	uint8_t way[PRIO_HASH_BYTES];
	PrioPeer peer;
	Pull pull = {.peer = &peer, .max_bytes = PG_GETARG_INT64(3)};

	if (wait <= 0 || pull.max_bytes <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deadline and number of bytes must be above zero")));
	pull.deadline = now_ms() + Min(wait, PG_INT32_MAX);
	pull.timeout = pull.deadline;
	pull.rows = prio_job_begin_rows(fcinfo);
	pull.row_memory =
		AllocSetContextCreate(CurrentMemoryContext, "row from a peer", ALLOCSET_DEFAULT_SIZES);
	prio_peer_load(&peer, NameStr(*PG_GETARG_NAME(0)));

	PG_TRY();
	{
		digest_of_way(&peer, way);
		take_kept(&pull, way);
		if (pull.conn == NULL)
			connect_to_peer(&pull);
		prepare_session(&pull);
		run_query(&pull, query, count, parameters);
		keep_connection(&pull, way);
	}
	PG_FINALLY();
	{
		disconnect(&pull);
		prio_wipe(way, sizeof(way));
	}
	PG_END_TRY();
	MemoryContextDelete(pull.row_memory);
	return (Datum) 0;
}
