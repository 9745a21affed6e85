/*
 * prio3.c
 *		Prio3: the verify key, and the client: measurements in, shares out.
 */
#include "commands/commands.h"

#include "base/secret.h"
#include "codec/hex_base64.h"
#include "crypto/crypto.h"
#include "exit.h"
#include "io/uuid.h"
#include "io/lines.h"
#include "io/output.h"
#include "io/print.h"
#include "prio3/client.h"
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of JSON that one integer may take: 19 digits at most. */
#define INTEGER_MAX_BYTES 24

/* {"verify_key": HEX} */
void
run_prio3_keygen(const Settings *settings)
{
	uint8_t key[PRIO3_MAX_SEED_BYTES];
	char hex[2 * PRIO3_MAX_SEED_BYTES + 1];
	size_t size =
		settings->draft == PRIO3_DRAFT_8 ? PRIO3_DRAFT_8_SEED_BYTES : PRIO3_MAX_SEED_BYTES;

	check_machine(prio_random(key, size));
	prio_write_hex(key, size, hex);
	print("{\"verify_key\": \"%s\"}\n", hex);
	prio_wipe(key, sizeof(key));
	prio_wipe(hex, sizeof(hex));
	print_flush();
}

/* ------------------------------------------------------------------ parameters */

/* The options with its parameters that a VDAF may have. */
static uint32_t
parameter_options(Prio3Draft draft, Prio3Kind kind)
{
	static const struct
	{
		unsigned int parameter;
		uint32_t option;
	} all[] = {{PRIO3_HAS_MAX_MEASUREMENT, OPTION_BIT(OPTION_MAX_MEASUREMENT)},
			   {PRIO3_HAS_BITS, OPTION_BIT(OPTION_BITS)},
			   {PRIO3_HAS_LENGTH, OPTION_BIT(OPTION_LENGTH)},
			   {PRIO3_HAS_CHUNK_LENGTH, OPTION_BIT(OPTION_CHUNK_LENGTH)},
			   {PRIO3_HAS_MAX_WEIGHT, OPTION_BIT(OPTION_MAX_WEIGHT)},
			   {PRIO3_HAS_MAX_VALUE, OPTION_BIT(OPTION_MAX_VALUE)}};
	uint32_t options = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((prio3_parameters(draft, kind) & all[i].parameter) != 0)
			options |= all[i].option;
	return options;
}

/* Ends the process unless the options go together. */
static void
check_options(const Settings *settings)
{
	uint32_t options = parameter_options(settings->draft, settings->kind);
	uint32_t optional = OPTION_BIT(OPTION_CHUNK_LENGTH) | OPTION_BIT(OPTION_CONTEXT);
	char vdaf[64];

	(void) snprintf(vdaf, sizeof(vdaf), "%s of draft %d", prio3_kind_name(settings->kind),
					(int) settings->draft);
	if (!prio3_draft_has(settings->draft, settings->kind))
		die(EXIT_USAGE,
			"there is no %s; draft 8 has Prio3Count, Prio3Sum, Prio3SumVec and Prio3Histogram",
			vdaf);
	if (settings->draft == PRIO3_DRAFT_18)
		options |= OPTION_BIT(OPTION_CONTEXT);
	options_check(options & ~optional, PRIO3_PARAMETERS & ~options, vdaf);
}

/* What the options say; at most one of the largest integers is there. */
static Prio3Parameters
parameters_of(const Settings *settings)
{
	Prio3Parameters p = {
		.kind = settings->kind,
		.draft = settings->draft,
		.length = settings->length > 0 ? settings->length : 1,
		.max = settings->max_measurement | settings->max_weight | settings->max_value,
	};

	if (settings->bits > 0)
		p.max = UINT64_MAX >> (64 - settings->bits);
	if (p.max == 0)
		p.max = 1;
	p.chunk_length = settings->chunk_length;
	if (p.chunk_length == 0 && settings->length > 0)
		p.chunk_length = prio3_default_chunk_length(&p);
	if (p.chunk_length == 0 && settings->length > 0)
		p.chunk_length = 1; /* impossible for another reason */
	return p;
}

/* Ends the process for parameters that no VDAF has. */
static void
check_parameters(PrioStatus status, const Prio3Parameters *p)
{
	if (status == PRIO_OK)
		return;
	if (status == PRIO_WRONG_LENGTH)
		die(EXIT_USAGE, "a share of server A would have more than %u bytes; check --length",
			PRIO3_MAX_SHARE);
	if (p->kind == PRIO3_SUM && p->draft == PRIO3_DRAFT_18)
		die(EXIT_USAGE, "--max-measurement of Prio3Sum must be below 2^64 - 2^32 + 1");
	if (p->kind == PRIO3_MULTIHOT_COUNT_VEC && p->max > p->length)
		die(EXIT_USAGE, "--max-weight must not exceed --length");
	die(EXIT_USAGE, "--chunk-length must not exceed the number of elements of a share");
}

/* ------------------------------------------------------------------ prio3-shard */

/* What sharding takes; everything is allocated once. */
typedef struct Client
{
	Prio3Vdaf vdaf;
	uint8_t *context;
	void *tables;
	void *scratch;
	uint64_t *measurement;
	uint8_t *public_share;
	char *header; /* the same in base64 */
	char problem[160];
} Client;

/* One of the two shares that are being made. */
typedef struct ShareFile
{
	Output *output;
	uint8_t *share;
	size_t size;
	char *text; /* the same in base64 */
} ShareFile;

static bool
is_vector(Prio3Kind kind)
{
	return kind == PRIO3_SUM_VEC || kind == PRIO3_MULTIHOT_COUNT_VEC ||
		kind == PRIO3_L1_BOUND_SUM;
}

/* What to tell about a measurement that is none. */
static void
describe_problem(Client *client)
{
	const Prio3Parameters *p = &client->vdaf.parameters;
	char *out = client->problem;
	size_t size = sizeof(client->problem);
	const char *entries = "";

	switch (p->kind)
	{
		case PRIO3_COUNT:
			(void) snprintf(out, size, "its measurement is neither 0 nor 1");
			return;
		case PRIO3_SUM:
			(void) snprintf(out, size, "its measurement is not an integer from 0 to %" PRIu64,
							p->max);
			return;
		case PRIO3_HISTOGRAM:
			(void) snprintf(out, size,
							"its measurement is not the number of a bucket, from 0 to %" PRIu64,
							p->length - 1);
			return;
		case PRIO3_SUM_VEC:
			entries = "integers from 0 to";
			break;
		case PRIO3_MULTIHOT_COUNT_VEC:
			entries = "booleans with at most";
			break;
		case PRIO3_L1_BOUND_SUM:
			entries = "integers from 0, together at most";
			break;
	}
	(void) snprintf(out, size, "its measurement is not an array of %" PRIu64 " %s %" PRIu64 "%s",
					p->length, entries, p->max,
					p->kind == PRIO3_MULTIHOT_COUNT_VEC ? " true" : "");
}

static void
client_init(Client *client, const Settings *settings)
{
	Prio3Parameters p = parameters_of(settings);
	size_t context_size = settings->context == NULL ? 0 : strlen(settings->context) / 2;
	Prio3Vdaf *vdaf = &client->vdaf;

	client->context = allocate(context_size + 1);
	if (context_size > 0)
		(void) prio_parse_hex(settings->context, 2 * context_size, client->context,
							  context_size);
	check_parameters(prio3_vdaf_init(vdaf, &p, client->context, context_size), &p);
	client->tables = allocate(prio3_tables_size(vdaf));
	client->scratch = allocate(prio3_shard_scratch(vdaf));
	client->measurement = allocate(vdaf->measurement_len * sizeof(uint64_t));
	client->public_share = allocate(vdaf->public_share_size + 1);
	client->header = allocate(PRIO_BASE64_LENGTH(vdaf->public_share_size) + 1);
	describe_problem(client);
	check_machine(prio3_tables_init(vdaf, client->tables, signal_came));
}

static void
client_free(Client *client)
{
	prio_wipe(client->measurement, client->vdaf.measurement_len * sizeof(uint64_t));
	free(client->context);
	free(client->tables);
	free(client->scratch);
	free(client->measurement);
	free(client->public_share);
	free(client->header);
}

static void
share_file_open(ShareFile *file, const Settings *settings, PrioRole role, const Client *client,
				const LineReader *input)
{
	const char *option = role == PRIO_A ? "--output-A" : "--output-B";
	const char *directory = role == PRIO_A ? settings->output_a : settings->output_b;

	file->output = output_open(option, directory, settings->input, &input->identity, 1);
	file->size = client->vdaf.input_share_size[role];
	file->share = allocate(file->size);
	file->text = allocate(PRIO_BASE64_LENGTH(file->size) + 1);
}

/* A line, as prio_processor.import_shares() takes it. */
static void
share_file_write(ShareFile *file, const char *id, const char *header)
{
	prio_write_base64(file->share, file->size, file->text);
	output_print(file->output, "{\"id\": \"%s\", \"header\": \"%s\", \"payload\": \"%s\"}\n",
				 id, header, file->text);
}

static void
share_file_free(ShareFile *file)
{
	prio_wipe(file->share, file->size);
	prio_wipe(file->text, PRIO_BASE64_LENGTH(file->size));
	free(file->share);
	free(file->text);
}

/* Booleans are bits as well, where bits are meant. */
static bool
read_integer(const json_t *value, Prio3Kind kind, uint64_t *integer)
{
	if (json_is_boolean(value) && (kind == PRIO3_COUNT || kind == PRIO3_MULTIHOT_COUNT_VEC))
		*integer = json_is_true(value) ? 1 : 0;
	else if (json_is_integer(value) && json_integer_value(value) >= 0)
		*integer = (uint64_t) json_integer_value(value);
	else
		return false;
	return true;
}

/* Whether these integers are a measurement, prio3_shard() sees. */
static bool
read_integers(const json_t *value, const Prio3Vdaf *vdaf, uint64_t *measurement)
{
	Prio3Kind kind = vdaf->parameters.kind;

	if (!is_vector(kind))
		return read_integer(value, kind, measurement);
	if (!json_is_array(value) || json_array_size(value) != vdaf->measurement_len)
		return false;
	for (size_t i = 0; i < vdaf->measurement_len; i++)
		if (!read_integer(json_array_get(value, i), kind, &measurement[i]))
			return false;
	return true;
}

/* The measurement in a line, 7 or {"payload": 7}; or what is wrong. */
static const char *
read_measurement(const char *line, size_t size, const Client *client)
{
	const char *problem;
	json_t *value;

	if (line == NULL)
		return "it is too long";
	value = json_parse_payload(line, size, client->vdaf.measurement_len + MAX_OTHER_VALUES,
							   &problem);
	if (value == NULL)
		return problem;
	problem = read_integers(value, &client->vdaf, client->measurement) ? NULL : client->problem;
	json_decref(value);
	return problem;
}

/* Shares the measurement that was read, with fresh randomness; or what is wrong with it. */
static const char *
shard(Client *client, ShareFile files[2])
{
	const Prio3Vdaf *vdaf = &client->vdaf;
	uint8_t *const shares[2] = {files[PRIO_A].share, files[PRIO_B].share};
	uint8_t nonce[PRIO3_NONCE_BYTES];
	uint8_t rand[4 * PRIO3_MAX_SEED_BYTES];
	char id[UUID_CHARS + 1];
	PrioStatus status;

	check_machine(prio_random(nonce, sizeof(nonce)));
	check_machine(prio_random(rand, vdaf->rand_size));
	status = prio3_shard(vdaf, client->measurement, nonce, rand, client->public_share, shares,
						 client->scratch, signal_came);
	prio_wipe(rand, sizeof(rand));
	if (status == PRIO_OUT_OF_RANGE)
		return client->problem;
	check_machine(status);
	uuid_write(nonce, id);
	prio_write_base64(client->public_share, vdaf->public_share_size, client->header);
	share_file_write(&files[PRIO_A], id, client->header);
	share_file_write(&files[PRIO_B], id, client->header);
	return NULL;
}

void
run_prio3_shard(const Settings *settings)
{
	Client client;
	ShareFile files[2];
	LineReader input;
	const char *line;
	size_t size;
	uint64_t errors = 0;

	check_options(settings);
	client_init(&client, settings);
	lines_open(&input, "--input", settings->input,
			   INTEGER_MAX_BYTES * client.vdaf.measurement_len + LINE_SLACK);
	share_file_open(&files[PRIO_A], settings, PRIO_A, &client, &input);
	share_file_open(&files[PRIO_B], settings, PRIO_B, &client, &input);
	progress_begin(settings->command, input.size);
	while (lines_next(&input, &line, &size))
	{
		const char *problem = read_measurement(line, size, &client);

		if (problem == NULL)
			problem = shard(&client, files);
		progress_update(input.done);
		if (problem != NULL)
		{
			lines_report(&input, problem);
			errors++;
		}
	}
	progress_end();
	lines_finish(&input);

	outputs_commit();
	share_file_free(&files[PRIO_A]);
	share_file_free(&files[PRIO_B]);
	client_free(&client);
	exit(lines_status(&input, errors, settings->skipped_status));
}
