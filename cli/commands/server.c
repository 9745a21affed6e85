/*
 * server.c
 *		The steps of one server over a file of shares.
 *
 * Every step opens the shares anew, since nothing but messages is kept in files. The share
 * in line k of its file, counting from 0, is checked at the point of ordinal k. A line that
 * is skipped has its ordinal all the same: so two servers that skip different lines still
 * agree about the others.
 */
#include "commands/commands.h"

#include "base/secret.h"
#include "codec/base64.h"
#include "codec/hex_base64.h"
#include "commands/prio1.h"
#include "exit.h"
#include "io/lines.h"
#include "io/output.h"
#include "io/print.h"
#include "prio1/total.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ shares */

typedef struct Server
{
	const Settings *settings;
	PrioKeyPair *pair;
	LineReader input;
	Dedup ids;     /* of the share file, with their lines */
	Dedup packets; /* that were opened, by their ephemeral keys, with their lines */
	Record share;  /* of the current line */
	uint8_t *plaintext;
	Prio1PointCursor cursor;
	uint64_t ordinal; /* of the point in the context, if has_point */
	bool has_point;
	Prio1VerifierContext context;
	Field87 *memory;  /* of its weights */
	uint64_t total;   /* lines, */
	uint64_t errors;  /* and those of them that are no good */
	uint64_t skipped; /* lines of other files */
} Server;

static PrioRole
server_role(const Settings *settings)
{
	return settings->server_id == 'A' ? PRIO_A : PRIO_B;
}

/* The ordinal of the current line. */
static uint64_t
server_ordinal(const Server *server)
{
	return server->settings->one_point ? 0 : server->input.number - 1;
}

/* Prepares the check of shares at the point with this ordinal. */
static void
server_go_to(Server *server, uint64_t ordinal)
{
	const Settings *settings = server->settings;
	const uint8_t *batch_id = (const uint8_t *) settings->batch_id;
	size_t batch_id_size = strlen(settings->batch_id);
	Field87 point;

	if (server->has_point && server->ordinal == ordinal)
		return;
	server->ordinal = ordinal;
	server->has_point = true;
	check_machine(prio1_verifier_point(settings->shared_secret, settings->variant, batch_id,
									   batch_id_size, settings->n_data, ordinal,
									   &server->cursor, &point, signal_came));
	check_machine(prio1_verifier_context_init(&server->context, server_role(settings),
											  settings->variant, batch_id, batch_id_size,
											  settings->n_data, point, server->memory,
											  signal_came));
	prio_wipe(&point, sizeof(point));
}

static PrioKeyPair *
import_keys(const Settings *settings)
{
	PrioKeyPair *pair;
	PrioStatus status =
		prio_key_pair_import(settings->private_key, settings->public_key_internal, &pair);

	if (status == PRIO_MISMATCH)
	{
		bool swapped = prio_key_pair_import(settings->private_key,
											settings->public_key_external, &pair) == PRIO_OK;

		die(EXIT_USAGE,
			swapped ?
				"the private key belongs to --public-key-hex-external; internal is the key of this server, external that of the other one" :
				"the private key does not belong to the public key in --public-key-hex-internal");
	}
	check_machine(status);
	return pair;
}

static void
server_begin(Server *server, const Settings *settings)
{
	size_t max_share = prio1_verifier_max_share(strlen(settings->batch_id), settings->n_data);
	size_t max_line = PRIO_BASE64_LENGTH(max_share) + LINE_SLACK;

	memset(server, 0, sizeof(*server));
	server->settings = settings;
	server->pair = import_keys(settings);
	check_bits(settings);
	warn_if_forgeable(settings->n_data);
	server->memory = allocate(prio_lagrange87_size(settings->n_data) * sizeof(Field87));
	server->share.payload = allocate(prio_base64_max_size(max_line));
	server->plaintext = allocate(prio_base64_max_size(max_line));
	lines_open(&server->input, "--input", settings->input, max_line);
}

/* What one step does with a share: NULL, or what is wrong with it. */
typedef const char *(*ShareStep)(Server *server, void *argument);

static void
server_walk(Server *server, ShareStep step, void *argument)
{
	const char *problem;

	progress_begin(server->settings->command, server->input.size);
	while (lines_next_record(&server->input, &server->ids, &server->share, &problem))
	{
		server->total++;
		if (problem == NULL)
			problem = step(server, argument);
		if (problem != NULL)
		{
			server->errors++;
			lines_report(&server->input, problem);
		}
		progress_update(server->input.done);
	}
	progress_end();
}

/*
 * Opens the share of the current line with the context as it is. A packet that was opened
 * before is a replay: it would count twice, and at a second point it would tell the other
 * server something about its client.
 */
static const char *
server_open_share(Server *server, Prio1Verifier *verifier)
{
	static char problem[64];
	const Record *share = &server->share;
	DedupKey packet = {{0, 0}};
	PrioStatus status;

	if (share->payload_size >= PRIO1_SEAL_OVERHEAD)
	{
		uint64_t other;

		packet = dedup_key('p', share->payload, PRIO1_REPLAY_KEY_BYTES);
		other = dedup_find(&server->packets, packet);
		if (other != 0)
		{
			(void) snprintf(problem, sizeof(problem), "its packet is that of line %llu",
							(unsigned long long) other);
			return problem;
		}
	}
	status = prio1_verifier_open(&server->context, server->pair, share->payload,
								 share->payload_size, server->plaintext, verifier);
	check_machine(status);
	if (status != PRIO_OK)
		return prio_status_text(status);
	dedup_add(&server->packets, packet, server->input.number);
	return NULL;
}

/* Counts, and what to look at when not one line was good. */
static void
server_report(Server *server, const char *advice)
{
	if (server->total > 0 && server->errors == server->total)
		warn("no line was good: %s", advice);
	print("%llu errors out of %llu total\n", (unsigned long long) server->errors,
		  (unsigned long long) server->total);
	print_flush();
	lines_finish(&server->input);
}

/* Forgets everything, and ends the process as the lines were. */
static _Noreturn void
server_end(Server *server)
{
	int status = lines_status(&server->input, server->errors + server->skipped,
							  server->settings->skipped_status);

	prio_wipe(server->memory, prio_lagrange87_size(server->settings->n_data) * sizeof(Field87));
	prio_wipe(&server->context, sizeof(server->context));
	free(server->memory);
	free(server->share.payload);
	free(server->plaintext);
	prio_key_pair_free(server->pair);
	dedup_free(&server->ids);
	dedup_free(&server->packets);
	exit(status);
}

/* A line with the id of the current share, and these bytes. */
static void
write_message(Output *output, const Server *server, const uint8_t *message, size_t size)
{
	char text[PRIO_BASE64_LENGTH(PRIO1_VERIFY1_MAX_BYTES) + 1];

	prio_write_base64(message, size, text);
	output_print(output, "{\"id\": %s, \"payload\": \"%s\"}\n", server->share.id, text);
}

/* ------------------------------------------------------------------ messages of a round */

typedef struct Message
{
	uint8_t size;
	uint8_t bytes[PRIO1_VERIFY1_MAX_BYTES];
} Message;

/* A file of messages, by the ids of their shares. */
typedef struct Messages
{
	FileIdentity file;
	Dedup ids; /* with the lines of the file */
	Message *of_line;
	size_t capacity;
} Messages;

/* Returns how many lines were skipped. */
static uint64_t
messages_read(Messages *messages, const char *option, const char *path)
{
	uint8_t payload[prio_base64_max_size(LINE_SLACK)];
	LineReader reader;
	Record record;
	const char *problem;
	uint64_t skipped = 0;

	memset(messages, 0, sizeof(*messages));
	record.payload = payload;
	lines_open(&reader, option, path, LINE_SLACK);
	messages->file = reader.identity;
	while (lines_next_record(&reader, &messages->ids, &record, &problem))
	{
		Message *message;

		if (reader.number >= messages->capacity)
		{
			messages->capacity = 2 * messages->capacity + 1024;
			messages->of_line =
				reallocate(messages->of_line, messages->capacity * sizeof(Message));
		}
		message = &messages->of_line[reader.number];
		message->size = 0; /* not a message of either round */
		if (problem == NULL && record.payload_size > PRIO1_VERIFY1_MAX_BYTES)
			problem = "its \"payload\" is not a message of this round";
		if (problem == NULL)
		{
			message->size = (uint8_t) record.payload_size;
			memcpy(message->bytes, payload, record.payload_size);
		}
		else
		{
			lines_report(&reader, problem);
			skipped++;
		}
	}
	lines_finish(&reader);
	return skipped;
}

static const Message *
messages_find(const Messages *messages, const Record *share)
{
	uint64_t line = dedup_find(&messages->ids, share->id_key);

	return line == 0 ? NULL : &messages->of_line[line];
}

static void
messages_free(Messages *messages)
{
	dedup_free(&messages->ids);
	free(messages->of_line);
}

/* What the second and the third step have: the messages of both servers. */
typedef struct Round
{
	Messages internal;
	Messages external;
	Output *output;
	Prio1Total total;
} Round;

static void
round_begin(Round *round, Server *server, const Settings *settings)
{
	FileIdentity inputs[3];

	server_begin(server, settings);
	server->skipped =
		messages_read(&round->internal, "--input-internal", settings->input_internal) +
		messages_read(&round->external, "--input-external", settings->input_external);
	inputs[0] = server->input.identity;
	inputs[1] = round->internal.file;
	inputs[2] = round->external.file;
	round->output =
		output_open("--output", settings->output, settings->input_internal, inputs, 3);
}

static void
round_free(Round *round)
{
	messages_free(&round->internal);
	messages_free(&round->external);
}

static const char *
round_find(const Round *round, const Server *server, const Message **internal,
		   const Message **external)
{
	*internal = messages_find(&round->internal, &server->share);
	*external = messages_find(&round->external, &server->share);
	if (*internal == NULL)
		return "--input-internal has no such \"id\"";
	if (*external == NULL)
		return "--input-external has no such \"id\"";
	return NULL;
}

/* ------------------------------------------------------------------ verify1 */

static const char *
verify1_share(Server *server, void *argument)
{
	Output *output = argument;
	uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
	Prio1Verifier verifier;
	const char *problem;

	server_go_to(server, server_ordinal(server));
	problem = server_open_share(server, &verifier);
	if (problem != NULL)
		return problem;
	write_message(output, server, message, prio1_verifier_verify1(&verifier, message));
	prio_wipe(&verifier, sizeof(verifier));
	return NULL;
}

void
run_verify1(const Settings *settings)
{
	Server server;
	Output *output;

	server_begin(&server, settings);
	output =
		output_open("--output", settings->output, settings->input, &server.input.identity, 1);
	server_walk(&server, verify1_share, output);
	server_report(&server,
				  "check that --input has shares for this server and its key, and that --batch-id, --n-data and --prg are those of its clients");
	outputs_commit();
	server_end(&server);
}

/* ------------------------------------------------------------------ verify2 */

static const char *
verify2_share(Server *server, void *argument)
{
	Round *round = argument;
	const Message *internal;
	const Message *external;
	uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
	size_t size;
	Prio1Verifier verifier;
	PrioStatus status;
	const char *problem = round_find(round, server, &internal, &external);

	if (problem == NULL)
	{
		server_go_to(server, server_ordinal(server));
		problem = server_open_share(server, &verifier);
	}
	if (problem != NULL)
		return problem;

	/* Anything else would take the packet to a second point. */
	size = prio1_verifier_verify1(&verifier, message);
	if (size != internal->size || memcmp(message, internal->bytes, size) != 0)
		problem =
			"its message in --input-internal is another: made from another file, or with other options";
	else
	{
		status =
			prio1_verifier_verify2(&verifier, external->bytes, external->size, message, &size);
		if (status == PRIO_OK)
			write_message(round->output, server, message, size);
		else
			problem = "its message in --input-external is malformed";
	}
	prio_wipe(&verifier, sizeof(verifier));
	return problem;
}

void
run_verify2(const Settings *settings)
{
	Server server;
	Round round;

	round_begin(&round, &server, settings);
	server_walk(&server, verify2_share, &round);
	server_report(&server,
				  "check that both other inputs are of the step verify1, for the shares in --input");
	outputs_commit();
	round_free(&round);
	server_end(&server);
}

/* ------------------------------------------------------------------ aggregate */

/*
 * The verdict is in the messages, and the data shares do not depend on the point. So all
 * are opened with the context of one point, whatever their ordinals were.
 */
static const char *
aggregate_share(Server *server, void *argument)
{
	Round *round = argument;
	const Message *internal;
	const Message *external;
	Prio1Verifier verifier;
	PrioStatus status;
	bool valid;
	const char *problem = round_find(round, server, &internal, &external);

	if (problem != NULL)
		return problem;
	check_machine(prio1_verifier_is_valid(internal->bytes, internal->size, external->bytes,
										  external->size, &valid));
	if (!valid)
		return "the proof of its client fails";
	problem = server_open_share(server, &verifier);
	if (problem != NULL)
		return problem;
	status = prio1_total_add_share(&round->total, &verifier, server->share.payload,
								   server->share.payload_size, server->plaintext);
	prio_wipe(&verifier, sizeof(verifier));
	check_machine(status);
	if (status != PRIO_OK)
		die(EXIT_FAILED, "cannot add up the share in line %llu: %s",
			(unsigned long long) server->input.number, prio_status_text(status));
	return NULL;
}

/* The message of a total, in base64: that of the integers, if there is --bits. free() it. */
static char *
total_text(const Prio1Total *total, const Settings *settings)
{
	size_t max_size = prio1_total_max_message(total->n);
	uint8_t *message = allocate(max_size);
	char *text = allocate(PRIO_BASE64_LENGTH(max_size) + 1);
	Field87 *sums = allocate(value_count(settings) * sizeof(Field87));
	Prio1Total integers = *total;

	if (settings->bits > 0 &&
		prio1_total_to_uints(total, (int) settings->bits, &integers, sums) != PRIO_OK)
		abort(); /* check_bits() has seen that they divide n */
	prio_write_base64(message, prio1_total_write(&integers, message), text);
	free(message);
	free(sums);
	return text;
}

void
run_aggregate(const Settings *settings)
{
	size_t n = settings->n_data;
	Field87 *sums = allocate(n * sizeof(Field87));
	char *text;
	Server server;
	Round round;

	round_begin(&round, &server, settings);
	prio1_total_init(&round.total, server_role(settings), n, sums);
	server_go_to(&server, 0);
	server_walk(&server, aggregate_share, &round);
	server_report(&server,
				  "check that both other inputs are of the step verify2, for the shares in --input, and that both servers have the same --shared-secret, --batch-id, --n-data, --prg and --ordinals");

	text = total_text(&round.total, settings);
	output_print(round.output, "{\"payload\": \"%s\", \"error\": %llu, \"total\": %llu}\n",
				 text, (unsigned long long) server.errors, (unsigned long long) server.total);
	outputs_commit();
	free(sums);
	free(text);
	round_free(&round);
	server_end(&server);
}
