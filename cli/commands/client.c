/*
 * client.c
 *		Keys, and the client: data in, shares out.
 */
#include "commands/commands.h"

#include "base/secret.h"
#include "codec/hex_base64.h"
#include "commands/prio1.h"
#include "exit.h"
#include "io/uuid.h"
#include "io/lines.h"
#include "io/output.h"
#include "io/print.h"
#include "prio1/client.h"
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of JSON that one bit may take, or one integer. */
#define VALUE_MAX_BYTES 24

/* {"private_key": HEX, "public_key": HEX} */
void
run_keygen(const Settings *settings)
{
	uint8_t keys[2][PRIO_KEY_BYTES];
	char hex[2][2 * PRIO_KEY_BYTES + 1];

	(void) settings;
	check_machine(prio_key_generate(keys[0], keys[1]));
	prio_write_hex(keys[0], PRIO_KEY_BYTES, hex[0]);
	prio_write_hex(keys[1], PRIO_KEY_BYTES, hex[1]);
	print("{\"private_key\": \"%s\", \"public_key\": \"%s\"}\n", hex[0], hex[1]);
	prio_wipe(keys, sizeof(keys));
	prio_wipe(hex, sizeof(hex));
	print_flush();
}

/* {"shared_seed": BASE64} */
void
run_shared_seed(const Settings *settings)
{
	uint8_t seed[PRIO1_SEED_BYTES];
	char text[PRIO_BASE64_LENGTH(PRIO1_SEED_BYTES) + 1];

	(void) settings;
	check_machine(prio_random(seed, sizeof(seed)));
	prio_write_base64(seed, sizeof(seed), text);
	print("{\"shared_seed\": \"%s\"}\n", text);
	prio_wipe(seed, sizeof(seed));
	prio_wipe(text, sizeof(text));
	print_flush();
}

/* ------------------------------------------------------------------ encode-shares */

/* One of the two shares that are being made. */
typedef struct ShareFile
{
	Output *output;
	const char *key_option;
	const uint8_t *public_key;
	uint8_t *plaintext;
	uint8_t *sealed;
	char *text; /* the same in base64 */
} ShareFile;

static void
share_file_open(ShareFile *file, const Settings *settings, PrioRole role,
				const LineReader *input)
{
	size_t size = prio1_packet_max_plaintext(role, strlen(settings->batch_id), settings->n_data);

	if (role == PRIO_A)
		file->output =
			output_open("--output-A", settings->output_a, settings->input, &input->identity, 1);
	else
		file->output =
			output_open("--output-B", settings->output_b, settings->input, &input->identity, 1);
	file->key_option =
		role == PRIO_A ? "--public-key-hex-internal" : "--public-key-hex-external";
	file->public_key =
		role == PRIO_A ? settings->public_key_internal : settings->public_key_external;
	file->plaintext = allocate(size);
	file->sealed = allocate(size + PRIO1_SEAL_OVERHEAD);
	file->text = allocate(PRIO_BASE64_LENGTH(size + PRIO1_SEAL_OVERHEAD) + 1);
}

/* Seals the plaintext, and writes it as a line. */
static void
share_file_write(ShareFile *file, const char *id, size_t size)
{
	PrioStatus status = prio1_seal(file->public_key, file->plaintext, size, file->sealed);

	prio_wipe(file->plaintext, size);
	if (status == PRIO_MISMATCH)
		die(EXIT_USAGE, "the value of %s is not a usable public key", file->key_option);
	check_machine(status);
	prio_write_base64(file->sealed, size + PRIO1_SEAL_OVERHEAD, file->text);
	output_print(file->output, "{\"id\": \"%s\", \"payload\": \"%s\"}\n", id, file->text);
}

static void
share_file_free(ShareFile *file)
{
	free(file->plaintext);
	free(file->sealed);
	free(file->text);
}

/* One entry of what a client has; false for anything but a bit, or an integer if there is --bits. */
static bool
read_value(const json_t *entry, const Settings *settings, uint64_t *value)
{
	if (json_is_boolean(entry) && settings->bits == 0)
		*value = json_is_true(entry) ? 1 : 0;
	else if (json_is_integer(entry) && json_integer_value(entry) >= 0)
		*value = (uint64_t) json_integer_value(entry);
	else
		return false;
	return *value <= largest_value(settings);
}

/* What to tell about entry i, which is none. */
static void
describe_problem(char *problem, size_t size, const Settings *settings, size_t i)
{
	if (settings->bits == 0)
		(void) snprintf(problem, size, "its data field %zu is neither 0 nor 1", i + 1);
	else
		(void) snprintf(problem, size, "its integer %zu is not one from 0 to %" PRIu64, i + 1,
						largest_value(settings));
}

/*
 * The data fields in a line, [0, 1, ...] or {"payload": [0, 1, ...]}, those of integers from the most
 * significant bit on; or what is wrong.
 */
static const char *
read_data(const char *line, size_t size, Field87 *data, const Settings *settings)
{
	static char text[96];
	size_t count = value_count(settings);
	size_t bits = settings->n_data / count;
	const char *problem;
	json_t *array;

	if (line == NULL)
		return "it is too long";
	array = json_parse_payload(line, size, count + MAX_OTHER_VALUES, &problem);
	if (array == NULL)
		return problem;
	problem = NULL;
	if (!json_is_array(array))
		problem = "it has no \"payload\" that is an array";
	else if (json_array_size(array) != count)
	{
		(void) snprintf(text, sizeof(text), "it has %zu %s, not %zu", json_array_size(array),
						settings->bits == 0 ? "data fields" : "integers", count);
		problem = text;
	}
	for (size_t i = 0; i < count && problem == NULL; i++)
	{
		uint64_t value;

		if (!read_value(json_array_get(array, i), settings, &value))
		{
			describe_problem(text, sizeof(text), settings, i);
			problem = text;
			break;
		}
		for (size_t k = 0; k < bits; k++)
			data[i * bits + k] = field87_from_integer(value >> (bits - 1 - k) & 1);
	}
	json_decref(array);
	return problem;
}

void
run_encode_shares(const Settings *settings)
{
	size_t n = settings->n_data;
	size_t batch_id_size = strlen(settings->batch_id);
	Field87 *tables = allocate(prio_coset87_size(n) * sizeof(Field87));
	Field87 *scratch = allocate(prio1_client_scratch_size(n) * sizeof(Field87));
	Field87 *data = allocate(n * sizeof(Field87));
	ShareFile a;
	ShareFile b;
	LineReader input;
	Prio1Client client;
	const char *line;
	size_t size;
	uint64_t errors = 0;

	check_bits(settings);
	warn_if_forgeable(n);
	lines_open(&input, "--input", settings->input,
			   VALUE_MAX_BYTES * value_count(settings) + LINE_SLACK);
	share_file_open(&a, settings, PRIO_A, &input);
	share_file_open(&b, settings, PRIO_B, &input);
	check_machine(prio1_client_init(&client, n, tables, signal_came));
	progress_begin(settings->command, input.size);
	while (lines_next(&input, &line, &size))
	{
		char id[UUID_CHARS + 1];
		size_t size_a;
		size_t size_b;
		const char *problem = read_data(line, size, data, settings);

		progress_update(input.done);
		if (problem != NULL)
		{
			lines_report(&input, problem);
			errors++;
			continue;
		}
		check_machine(prio1_client_packets(&client, settings->variant,
										   (const uint8_t *) settings->batch_id, batch_id_size,
										   data, a.plaintext, &size_a, b.plaintext, &size_b,
										   scratch, signal_came));
		uuid_make(id);
		share_file_write(&a, id, size_a);
		share_file_write(&b, id, size_b);
	}
	progress_end();
	prio_wipe(data, n * sizeof(Field87));
	lines_finish(&input);

	outputs_commit();
	share_file_free(&a);
	share_file_free(&b);
	free(tables);
	free(scratch);
	free(data);
	exit(lines_status(&input, errors, settings->skipped_status));
}
