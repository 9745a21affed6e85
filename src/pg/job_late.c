/*
 * job_late.c
 *		Notices that shares come for a batch that is closed.
 */
#include "prio.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PRIO_FUNCTION(prio_job_note_late);

#define LATE_INSERT "INSERT INTO prio_internal.late (number) VALUES ($1)"

/* As the owner of the table, whoever it is that inserts into it. */
static void
note(Relation shares, int32 number)
{
	Oid types[] = {INT4OID};
	Datum arguments[] = {Int32GetDatum(number)};
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(shares->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(LATE_INSERT, 1, types, arguments, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "nobody can note that a share is late");
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/*
 * note_late(NUMBER), a trigger BEFORE INSERT FOR EACH ROW on the shares of the batch with this number:
 * the first row of a statement is noted, and all go in as they came. So a row costs next to nothing,
 * and no memory, which one that waits for the end of the statement would.
 */
Datum
prio_job_note_late(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	static const char noted;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("note_late() is a trigger BEFORE INSERT FOR EACH ROW"),
				 errdetail("Its argument is the number of a batch.")));
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		note(trigger->tg_relation, pg_strtoint32(trigger->tg_trigger->tgargs[0]));
		fcinfo->flinfo->fn_extra = unconstify(char *, &noted);
	}
	return PointerGetDatum(trigger->tg_trigtuple);
}
