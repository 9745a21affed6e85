/*
 * client.c
 *		Keys, and the client: data in, shares out.
 */
#include "commands/commands.h"

#include "base/secret.h"
#include "codec/hex_base64.h"
#include "commands/forgeable.h"
#include "exit.h"
#include "io/encoding.h"
#include "io/lines.h"
#include "io/output.h"
#include "io/print.h"
#include "prio1/client.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of JSON that one data field may take. */
#define FIELD_MAX_BYTES 16

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

/* The data fields in a line, [0, 1, ...] or {"payload": [0, 1, ...]}; or what is wrong. */
static const char *
read_data(const char *line, size_t size, Field87 *data, size_t n)
{
	static char problem[96];
	json_t *root;
	json_t *array;

	if (line == NULL)
		return "it is too long";
	root = json_parse(line, size, n + MAX_OTHER_VALUES);
	array = json_is_array(root) ? root : json_object_get(root, "payload");
	problem[0] = '\0';
	if (!json_is_array(array))
		(void) snprintf(problem, sizeof(problem),
						root == NULL ? "it is not a JSON object" :
									   "it has no \"payload\" that is an array");
	else if (json_array_size(array) != n)
		(void) snprintf(problem, sizeof(problem), "it has %zu data fields, not %zu",
						json_array_size(array), n);
	else
		for (size_t i = 0; i < n; i++)
		{
			json_t *entry = json_array_get(array, i);
			json_int_t value = json_is_boolean(entry) ? json_boolean_value(entry) : -1;

			if (json_is_integer(entry))
				value = json_integer_value(entry);
			if (value != 0 && value != 1)
			{
				(void) snprintf(problem, sizeof(problem),
								"its data field %zu is neither 0 nor 1", i + 1);
				break;
			}
			data[i] = field87_from_integer((prio_uint128) value);
		}
	json_decref(root);
	return problem[0] == '\0' ? NULL : problem;
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

	warn_if_forgeable(n);
	lines_open(&input, "--input", settings->input, FIELD_MAX_BYTES * n + LINE_SLACK);
	share_file_open(&a, settings, PRIO_A, &input);
	share_file_open(&b, settings, PRIO_B, &input);
	check_machine(prio1_client_init(&client, n, tables, signal_came));
	progress_begin(settings->command, input.size);
	while (lines_next(&input, &line, &size))
	{
		char id[UUID_CHARS + 1];
		size_t size_a;
		size_t size_b;
		const char *problem = read_data(line, size, data, n);

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
	exit(lines_status(&input, errors));
}
