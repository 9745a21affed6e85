/*
 * job_instance.c
 *		What this database is, and what its transactions promise.
 */
#include "prio.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "funcapi.h"
#include "utils/guc.h"

PRIO_FUNCTION(prio_job_identity);
PRIO_FUNCTION(prio_job_commit_synchronously);

/*
 * identity(OUT system_identifier bigint, OUT database oid, OUT timeline int): a copy of a
 * cluster differs in the timeline, one made by a dump in the others. The timeline is that of
 * the position where the log is written; NULL on a standby, which writes none.
 */
Datum
prio_job_identity(PG_FUNCTION_ARGS)
{
	TupleDesc tuple_desc;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &tuple_desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	nulls[2] = RecoveryInProgress();
	values[2] = nulls[2] ? (Datum) 0 : Int32GetDatum((int32) prio_insertion_timeline());
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tuple_desc), values, nulls)));
}

/*
 * commit_synchronously(): until the transaction ends, synchronous_commit is at least "on",
 * so that what it did is flushed here, and on a synchronous standby, before anybody hears.
 */
Datum
prio_job_commit_synchronously(PG_FUNCTION_ARGS)
{
	ForceSyncCommit();
	if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
		(void) set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	PG_RETURN_VOID();
}
