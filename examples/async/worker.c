/*
 * worker.c
 *		Calls a statement whenever it is notified.
 *
 * worker CONNINFO CHANNEL STATEMENT listens before it calls the statement for the first time: so
 * nothing that happens is missed, nor what happened while there was no worker. A statement that
 * fails is tried again after a second. Ends when the connection does.
 */
#include <libpq-fe.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Returns whether it succeeded. */
static int
execute(PGconn *connection, const char *statement)
{
	PGresult *result = PQexec(connection, statement);
	int succeeded = PQresultStatus(result) == PGRES_COMMAND_OK;

	if (!succeeded)
		(void) fprintf(stderr, "worker: %s", PQerrorMessage(connection));
	PQclear(result);
	return succeeded;
}

int
main(int argc, char **argv)
{
	PGconn *connection;
	char *channel;
	char listen[200];
	int done;

	if (argc != 4)
	{
		(void) fprintf(stderr, "usage: worker CONNINFO CHANNEL STATEMENT\n");
		return 2;
	}
	connection = PQconnectdb(argv[1]);
	if (PQstatus(connection) != CONNECTION_OK)
	{
		(void) fprintf(stderr, "worker: %s", PQerrorMessage(connection));
		return 1;
	}
	channel = PQescapeIdentifier(connection, argv[2], strlen(argv[2]));
	(void) snprintf(listen, sizeof listen, "LISTEN %s", channel != NULL ? channel : "");
	PQfreemem(channel);
	if (!execute(connection, listen))
		return 1;

	done = execute(connection, argv[3]);
	while (PQstatus(connection) == CONNECTION_OK)
	{
		struct pollfd readable = {.fd = PQsocket(connection), .events = POLLIN};
		PGnotify *notification;
		int notified = 0;

		/* What came while the statement ran is here already. */
		while ((notification = PQnotifies(connection)) != NULL)
		{
			notified = 1;
			PQfreemem(notification);
		}
		if (!notified)
			notified = poll(&readable, 1, done ? -1 : 1000) == 0;
		if (notified)
			done = execute(connection, argv[3]);
		else if (!PQconsumeInput(connection))
			break;
	}
	(void) fprintf(stderr, "worker: the connection is lost\n");
	PQfinish(connection);
	return 1;
}
