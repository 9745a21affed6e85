/*
 * publish.c
 *		The totals of both servers together are the result.
 */
#include "commands/commands.h"

#include "codec/base64.h"
#include "codec/hex_base64.h"
#include "commands/prio1.h"
#include "exit.h"
#include "io/uuid.h"
#include "io/lines.h"
#include "io/output.h"
#include "prio1/total.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The file of one server's total. */
typedef struct TotalFile
{
	const char *option;
	const char *path;
	FileIdentity identity;
	Prio1Total total;
	int64_t clients; /* that were added up; -1: it does not say */
} TotalFile;

/* Ends the process: the file is not what aggregate writes. */
static _Noreturn void
die_malformed(const TotalFile *file, const char *problem)
{
	die(EXIT_FAILED, "\"%s\": %s; %s takes what aggregate wrote", file->path, problem,
		file->option);
}

/* The number of a member; -1 if it is none. */
static int64_t
read_count(const PrioJsonMember *member)
{
	char digits[20]; /* 19 of 2^63 - 1, and the null byte */
	int64_t count;

	if (member->kind != PRIO_JSON_INTEGER || member->size >= sizeof(digits))
		return -1;
	memcpy(digits, member->text, member->size);
	digits[member->size] = '\0';
	errno = 0;
	count = strtoll(digits, NULL, 10);
	return errno == 0 ? count : -1;
}

/* "total" less "error", if the file has either. */
static int64_t
read_clients(const TotalFile *file, const PrioJsonMember *error, const PrioJsonMember *total)
{
	if (error->kind == PRIO_JSON_NONE && total->kind == PRIO_JSON_NONE)
		return -1;
	if (read_count(error) < 0 || read_count(error) > read_count(total))
		die_malformed(file, "its \"error\" and \"total\" are no counts");
	return read_count(total) - read_count(error);
}

static void
read_total(TotalFile *file)
{
	size_t max_size = PRIO_BASE64_LENGTH(prio1_total_max_message(PRIO1_MAX_DATA)) + LINE_SLACK;
	PrioJsonMember members[] = {{.name = "payload"}, {.name = "error"}, {.name = "total"}};
	uint8_t *message;
	const char *text;
	size_t size;
	LineReader reader;
	Prio1PacketReader packet;
	PrioRole role;
	size_t n;
	const char *problem;

	lines_open(&reader, file->option, file->path, max_size);
	file->identity = reader.identity;
	if (!lines_read_all(&reader, &text, &size) || !prio_json_members(text, size, members, 3))
		die_malformed(file, reader.done == 0 ? "it is empty" : "it is not a JSON object");
	message = allocate(prio_base64_max_size(max_size));
	problem = payload_decode(&members[0], message, &size);
	if (problem != NULL)
		die_malformed(file, problem);
	file->clients = read_clients(file, &members[1], &members[2]);
	lines_finish(&reader);

	packet = prio1_packet_reader(message, size);
	if (prio1_total_read_head(&packet, &role, &n) != PRIO_OK)
		die_malformed(file, "its \"payload\" is not a total share");
	prio1_total_init(&file->total, role, n, allocate(n * sizeof(Field87)));
	if (prio1_total_add_message(&file->total, &packet) != PRIO_OK)
		die_malformed(file, "its \"payload\" is not a total share");
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
	if (settings->n_data != 0 && value_count(settings) != internal->total.n)
		die(EXIT_FAILED, "the totals have %zu entries; check --n-data, which is %zu%s",
			internal->total.n, settings->n_data, settings->bits > 0 ? ", and --bits" : "");
	if (internal->clients >= 0 && external->clients >= 0 &&
		internal->clients != external->clients)
		die(EXIT_FAILED,
			"the servers added up %lld and %lld shares; they must add up the same ones, or the result is noise",
			(long long) internal->clients, (long long) external->clients);
}

/* Ends the process for a count beyond what so many clients can make, if it is known how many. */
static void
check_counts(const int64_t *counts, size_t n, int64_t clients, const Settings *settings)
{
	for (size_t i = 0; i < n && clients >= 0; i++)
		if ((prio_uint128) counts[i] > (prio_uint128) clients * largest_value(settings))
			die(EXIT_FAILED,
				"the totals do not belong together: entry %zu of their sum is beyond the %lld shares that were added up%s",
				i + 1, (long long) clients,
				settings->bits == 0 ? "; if they are of integers, give --bits" : "");
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

	check_bits(settings);
	read_total(&internal);
	read_total(&external);
	check_pair(&internal, &external, settings);
	counts = allocate(internal.total.n * sizeof(int64_t));
	if (prio1_total_publish(&internal.total, &external.total, counts, &where) != PRIO_OK)
		die(EXIT_FAILED,
			"the totals do not belong together: entry %zu of their sum is beyond any number of clients; both servers must add up the same shares of the same batch",
			where + 1);
	check_counts(counts, internal.total.n, internal.clients, settings);

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
