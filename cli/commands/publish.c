/*
 * publish.c
 *		The totals of both servers together are the result.
 */
#include "commands/commands.h"

#include "codec/hex_base64.h"
#include "exit.h"
#include "io/encoding.h"
#include "io/lines.h"
#include "io/output.h"
#include "prio1/total.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The file of one server's total. */
typedef struct TotalFile
{
	const char *option;
	const char *path;
	FileIdentity identity;
	json_t *object;
	Prio1Total total;
	json_int_t clients; /* that were added up; -1: it does not say */
} TotalFile;

/* Ends the process: the file is not what aggregate writes. */
static _Noreturn void
die_malformed(const TotalFile *file, const char *problem)
{
	die(EXIT_FAILED, "\"%s\": %s; %s takes what aggregate wrote", file->path, problem,
		file->option);
}

/* "total" less "error", if the file has both. */
static json_int_t
read_clients(const TotalFile *file)
{
	json_t *error = json_object_get(file->object, "error");
	json_t *total = json_object_get(file->object, "total");

	if (error == NULL && total == NULL)
		return -1;
	if (!json_is_integer(error) || !json_is_integer(total) || json_integer_value(error) < 0 ||
		json_integer_value(error) > json_integer_value(total))
		die_malformed(file, "its \"error\" and \"total\" are no counts");
	return json_integer_value(total) - json_integer_value(error);
}

static void
read_total(TotalFile *file)
{
	size_t max_size = PRIO_BASE64_LENGTH(prio1_total_max_message(PRIO1_MAX_DATA)) + LINE_SLACK;
	uint8_t *message;
	size_t size;
	LineReader reader;
	Prio1PacketReader packet;
	PrioRole role;
	size_t n;
	const char *problem;

	lines_open(&reader, file->option, file->path, max_size);
	file->identity = reader.identity;
	file->object = json_parse_file(&reader);
	if (reader.done == 0)
		die_malformed(file, "it is empty");
	if (!json_is_object(file->object))
		die_malformed(file, "it is not a JSON object");
	lines_finish(&reader);
	message = allocate(base64_max_size(max_size));
	problem = json_payload(file->object, message, &size);
	if (problem != NULL)
		die_malformed(file, problem);
	file->clients = read_clients(file);

	packet = prio1_packet_reader(message, size);
	if (prio1_total_read_head(&packet, &role, &n) != PRIO_OK)
		die_malformed(file, "its \"payload\" is not a total share");
	prio1_total_init(&file->total, role, n, allocate(n * sizeof(Field87)));
	if (prio1_total_add_message(&file->total, &packet) != PRIO_OK)
		die_malformed(file, "its \"payload\" is not a total share");
	json_decref(file->object);
	free(message);
}

/* Ends the process unless the two totals are those of one batch, as far as that shows. */
static void
check_pair(const TotalFile *internal, const TotalFile *external, const Settings *settings)
{
	char internal_id = internal->total.role == PRIO_A ? 'A' : 'B';

	if (internal->total.role == external->total.role)
		die(EXIT_FAILED,
			"both totals are of server %c; %s takes the one of this server, %s that of the other",
			internal_id, internal->option, external->option);
	if (settings->server_id != 0 && settings->server_id != internal_id)
		die(EXIT_FAILED, "\"%s\" is the total of server %c; %s takes the one of this server, %c",
			internal->path, internal_id, internal->option, settings->server_id);
	if (internal->total.n != external->total.n)
		die(EXIT_FAILED, "the totals have %zu and %zu entries; they are not of one batch",
			internal->total.n, external->total.n);
	if (settings->n_data != 0 && settings->n_data != internal->total.n)
		die(EXIT_FAILED, "the totals have %zu entries; check --n-data, which is %zu",
			internal->total.n, settings->n_data);
	if (internal->clients >= 0 && external->clients >= 0 &&
		internal->clients != external->clients)
		die(EXIT_FAILED,
			"the servers added up %lld and %lld shares; they must add up the same ones, or the result is noise",
			(long long) internal->clients, (long long) external->clients);
}

/* UTC, as Python's isoformat() has it: 2019-07-16T20:24:17.123456. */
static void
make_timestamp(char *out, size_t size)
{
	struct timespec now;
	struct tm utc;
	char seconds[32];

	if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &utc) == NULL ||
		strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		die(EXIT_FAILED, "cannot tell the time");
	(void) snprintf(out, size, "%s.%06ld", seconds, now.tv_nsec / 1000);
}

/* {"id": UUID, "timestamp": TIME, "payload": [COUNT, ...]} */
void
run_publish(const Settings *settings)
{
	TotalFile internal = {.option = "--input-internal", .path = settings->input_internal};
	TotalFile external = {.option = "--input-external", .path = settings->input_external};
	char id[UUID_CHARS + 1];
	char timestamp[64];
	int64_t *counts;
	size_t where;
	FileIdentity inputs[2];
	Output *output;

	read_total(&internal);
	read_total(&external);
	check_pair(&internal, &external, settings);
	counts = allocate(internal.total.n * sizeof(int64_t));
	if (prio1_total_publish(&internal.total, &external.total, counts, &where) != PRIO_OK)
		die(EXIT_FAILED,
			"the totals do not belong together: entry %zu of their sum is beyond any number of clients; both servers must add up the same shares of the same batch",
			where + 1);
	for (size_t i = 0; i < internal.total.n; i++)
		if (internal.clients >= 0 && counts[i] > internal.clients)
			die(EXIT_FAILED,
				"the totals do not belong together: entry %zu of their sum is beyond the %lld shares that were added up",
				i + 1, (long long) internal.clients);

	inputs[0] = internal.identity;
	inputs[1] = external.identity;
	output = output_open("--output", settings->output, settings->input_internal, inputs, 2);
	uuid_make(id);
	make_timestamp(timestamp, sizeof(timestamp));
	output_print(output, "{\"id\": \"%s\", \"timestamp\": \"%s\", \"payload\": [", id,
				 timestamp);
	for (size_t i = 0; i < internal.total.n; i++)
		output_print(output, i == 0 ? "%lld" : ", %lld", (long long) counts[i]);
	output_print(output, "]}\n");
	outputs_commit();
	free(counts);
	free(internal.total.sums);
	free(external.total.sums);
}
