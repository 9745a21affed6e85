/*
 * report.c
 *		Reports of DAP: taken apart, opened, made.
 */
#include "dap/report.h"

#include "base/secret.h"
#include "crypto/hpke.h"

#include <string.h>

#define TIME_BYTES 8
#define INFO_BYTES 20 /* "dap-18 input share", client, server */

/* Roles as DAP numbers them. */
#define DAP_CLIENT 1
#define DAP_LEADER 2
#define DAP_HELPER 3

/* ------------------------------------------------------------------ reading */

/* What is left of a message. */
typedef struct Reader
{
	const uint8_t *at;
	size_t left;
	bool failed; /* something was not there */
} Reader;

/* The next size bytes; NULL, and nothing more from then on, if there are not so many. */
static const uint8_t *
take(Reader *reader, size_t size)
{
	const uint8_t *at = reader->at;

	if (reader->failed || size > reader->left)
	{
		reader->failed = true;
		return NULL;
	}
	reader->at += size;
	reader->left -= size;
	return at;
}

/* A big endian integer of so many bytes. */
static uint64_t
take_integer(Reader *reader, size_t bytes)
{
	const uint8_t *at = take(reader, bytes);
	uint64_t value = 0;

	for (size_t i = 0; at != NULL && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* Bytes behind their length, which takes length_bytes itself. */
static const uint8_t *
take_vector(Reader *reader, size_t length_bytes, size_t *size)
{
	*size = (size_t) take_integer(reader, length_bytes);
	return take(reader, *size);
}

static bool
is_used_up(const Reader *reader)
{
	return !reader->failed && reader->left == 0;
}

/*
 * Are these extensions, well formed, in strictly increasing order of their types? None is
 * known here: whether there are any is all that matters besides.
 */
static bool
are_extensions(const uint8_t *bytes, size_t size)
{
	Reader reader = {bytes, size, bytes == NULL};
	int64_t last = -1;

	while (reader.left > 0 && !reader.failed)
	{
		int64_t type = (int64_t) take_integer(&reader, 2);
		size_t data_size;

		(void) take_vector(&reader, 2, &data_size);
		if (type <= last)
			return false;
		last = type;
	}
	return !reader.failed;
}

/* Metadata and public share, from where the reader is. */
static void
take_header(DapVersion version, Reader *reader, DapReport *report)
{
	const uint8_t *start = reader->at;

	memset(report, 0, sizeof(*report));
	report->header = start;
	report->report_id = take(reader, DAP_REPORT_ID_BYTES);
	report->time = take_integer(reader, TIME_BYTES);
	if (version == DAP_18)
	{
		size_t size;
		const uint8_t *extensions = take_vector(reader, 2, &size);

		reader->failed = reader->failed || !are_extensions(extensions, size);
		report->has_extensions = size > 0;
	}
	report->public_share = take_vector(reader, 4, &report->public_share_size);
	report->header_size = (size_t) (reader->at - start);
}

PrioStatus
dap_header_parse(DapVersion version, const uint8_t *bytes, size_t size, DapReport *report)
{
	Reader reader = {bytes, size, false};

	take_header(version, &reader, report);
	return is_used_up(&reader) ? PRIO_OK : PRIO_MALFORMED;
}

/* An HpkeCiphertext: u8 config_id, enc <2>, payload <4>. */
typedef struct Ciphertext
{
	uint8_t config_id;
	const uint8_t *enc;
	size_t enc_size;
	const uint8_t *payload;
	size_t payload_size;
} Ciphertext;

static Ciphertext
take_ciphertext(Reader *reader)
{
	Ciphertext c;

	c.config_id = (uint8_t) take_integer(reader, 1);
	c.enc = take_vector(reader, 2, &c.enc_size);
	c.payload = take_vector(reader, 4, &c.payload_size);
	return c;
}

PrioStatus
dap_report_parse(DapVersion version, const uint8_t *bytes, size_t size, DapReport *report)
{
	Reader reader = {bytes, size, false};

	take_header(version, &reader, report);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		report->share[role] = reader.at;
		(void) take_ciphertext(&reader);
		report->share_size[role] = (size_t) (reader.at - report->share[role]);
	}
	return is_used_up(&reader) ? PRIO_OK : PRIO_MALFORMED;
}

PrioStatus
dap_share_config_id(const uint8_t *share, size_t size, uint8_t *config_id)
{
	Reader reader = {share, size, false};

	*config_id = take_ciphertext(&reader).config_id;
	return is_used_up(&reader) ? PRIO_OK : PRIO_MALFORMED;
}

PrioStatus
dap_report_seconds(const DapTask *task, uint64_t time, int64_t *seconds)
{
	uint64_t unit = task->version == DAP_18 ? task->time_precision : 1;

	if (time > (uint64_t) INT64_MAX / unit)
		return PRIO_OUT_OF_RANGE;
	*seconds = (int64_t) (time * unit);
	return PRIO_OK;
}

/* ------------------------------------------------------------------ what seals cover */

void
dap_context(const DapTask *task, uint8_t context[DAP_CONTEXT_BYTES])
{
	static const char version[] = {'d', 'a', 'p', '-', '1', '8'};

	memcpy(context, version, sizeof(version));
	memcpy(context + sizeof(version), task->task_id, DAP_TASK_ID_BYTES);
}

static void
write_info(const DapTask *task, PrioRole role, uint8_t info[INFO_BYTES])
{
	memcpy(info, task->version == DAP_18 ? "dap-18 input share" : "dap-09 input share",
		   INFO_BYTES - 2);
	info[INFO_BYTES - 2] = DAP_CLIENT;
	info[INFO_BYTES - 1] = role == PRIO_A ? DAP_LEADER : DAP_HELPER;
}

static size_t
aad_size(const DapTask *task, size_t header_size)
{
	return DAP_TASK_ID_BYTES + (task->version == DAP_18 ? task->configuration_size : 0) +
		header_size;
}

/* InputShareAad: the task, in 18 its configuration, metadata and public share. */
static void
write_aad(const DapTask *task, const uint8_t *header, size_t header_size, uint8_t *aad)
{
	memcpy(aad, task->task_id, DAP_TASK_ID_BYTES);
	aad += DAP_TASK_ID_BYTES;
	if (task->version == DAP_18 && task->configuration_size > 0)
	{
		memcpy(aad, task->configuration, task->configuration_size);
		aad += task->configuration_size;
	}
	memcpy(aad, header, header_size);
}

/* ------------------------------------------------------------------ opening */

size_t
dap_share_open_memory(const DapTask *task, size_t header_size, size_t share_size)
{
	return share_size + aad_size(task, header_size);
}

/* PlaintextInputShare: private_extensions <2>, payload <4>. */
static PrioStatus
parse_plaintext(const uint8_t *plaintext, size_t size, DapInputShare *input_share)
{
	Reader reader = {plaintext, size, false};
	size_t extensions_size;
	const uint8_t *extensions = take_vector(&reader, 2, &extensions_size);

	if (!are_extensions(extensions, extensions_size))
		return PRIO_MALFORMED;
	input_share->payload = take_vector(&reader, 4, &input_share->payload_size);
	if (!is_used_up(&reader))
		return PRIO_MALFORMED;
	return extensions_size > 0 ? PRIO_UNKNOWN_EXTENSION : PRIO_OK;
}

PrioStatus
dap_share_open(const DapTask *task, PrioRole role, PrioKeyPair *pair,
			   const uint8_t public_key[PRIO_KEY_BYTES], uint8_t config_id,
			   const uint8_t *header, size_t header_size, const uint8_t *share,
			   size_t share_size, uint8_t *memory, DapInputShare *input_share)
{
	Reader reader = {share, share_size, false};
	Ciphertext c = take_ciphertext(&reader);
	uint8_t *aad = memory + share_size;
	uint8_t info[INFO_BYTES];
	DapReport parsed;
	PrioStatus status = dap_header_parse(task->version, header, header_size, &parsed);

	if (status != PRIO_OK || !is_used_up(&reader) || c.enc_size != PRIO_HPKE_ENC_BYTES)
		return PRIO_MALFORMED;
	if (c.config_id != config_id)
		return PRIO_UNKNOWN_KEY;
	if (parsed.has_extensions)
		return PRIO_UNKNOWN_EXTENSION;
	if (c.payload_size < PRIO_HPKE_TAG_BYTES)
		return PRIO_DECRYPTION_FAILED;
	write_info(task, role, info);
	write_aad(task, header, header_size, aad);
	status = prio_hpke_open(pair, public_key, info, sizeof(info), c.enc, aad,
							aad_size(task, header_size), c.payload, c.payload_size, memory);
	if (status != PRIO_OK)
		return status;
	return parse_plaintext(memory, c.payload_size - PRIO_HPKE_TAG_BYTES, input_share);
}

/* ------------------------------------------------------------------ making */

/* Bytes before and around what varies. */
#define PLAINTEXT_HEAD (2 + 4)
#define CIPHERTEXT_HEAD (1 + 2 + PRIO_HPKE_ENC_BYTES + 4)

static uint8_t *
put_integer(uint8_t *out, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; value >>= 8)
		out[i] = (uint8_t) value;
	return out + bytes;
}

size_t
dap_header_size(const DapTask *task, size_t public_share_size)
{
	return DAP_REPORT_ID_BYTES + TIME_BYTES + (task->version == DAP_18 ? 2 : 0) + 4 +
		public_share_size;
}

static size_t
sealed_size(size_t input_share_size)
{
	return PLAINTEXT_HEAD + input_share_size + PRIO_HPKE_TAG_BYTES;
}

size_t
dap_report_size(const DapTask *task, size_t public_share_size, const size_t input_share_size[2])
{
	return dap_header_size(task, public_share_size) + CIPHERTEXT_HEAD +
		sealed_size(input_share_size[PRIO_A]) + CIPHERTEXT_HEAD +
		sealed_size(input_share_size[PRIO_B]);
}

size_t
dap_report_make_memory(const DapTask *task, size_t public_share_size,
					   const size_t input_share_size[2])
{
	size_t longer = input_share_size[PRIO_A] > input_share_size[PRIO_B] ?
		input_share_size[PRIO_A] :
		input_share_size[PRIO_B];

	return aad_size(task, dap_header_size(task, public_share_size)) + PLAINTEXT_HEAD + longer;
}

/* Seals the input share for one server; returns where the next one goes. */
static PrioStatus
write_ciphertext(const DapTask *task, PrioRole role, const DapRecipient *recipient,
				 const uint8_t *aad, size_t size_of_aad, uint8_t *plaintext, uint8_t **out)
{
	size_t plaintext_size = PLAINTEXT_HEAD + recipient->input_share_size;
	uint8_t info[INFO_BYTES];
	uint8_t *at = *out;
	uint8_t *enc;
	PrioStatus status;

	write_info(task, role, info);
	put_integer(plaintext, 0, 2); /* no extensions */
	put_integer(plaintext + 2, recipient->input_share_size, 4);
	memcpy(plaintext + PLAINTEXT_HEAD, recipient->input_share, recipient->input_share_size);

	*at++ = recipient->config_id;
	at = put_integer(at, PRIO_HPKE_ENC_BYTES, 2);
	enc = at;
	at = put_integer(at + PRIO_HPKE_ENC_BYTES, sealed_size(recipient->input_share_size), 4);
	status = prio_hpke_seal(recipient->public_key, info, sizeof(info), aad, size_of_aad,
							plaintext, plaintext_size, enc, at);
	*out = at + sealed_size(recipient->input_share_size);
	return status;
}

PrioStatus
dap_report_make(const DapTask *task, const uint8_t report_id[DAP_REPORT_ID_BYTES],
				int64_t seconds, const uint8_t *public_share, size_t public_share_size,
				const DapRecipient recipient[2], uint8_t *memory, uint8_t *out)
{
	uint64_t units = (uint64_t) seconds / task->time_precision;
	const size_t share_size[2] = {recipient[PRIO_A].input_share_size,
								  recipient[PRIO_B].input_share_size};
	size_t header_size = dap_header_size(task, public_share_size);
	size_t size_of_aad = aad_size(task, header_size);
	uint8_t *at = out;
	PrioStatus status = PRIO_OK;

	if (seconds < 0)
		return PRIO_OUT_OF_RANGE;
	memcpy(at, report_id, DAP_REPORT_ID_BYTES);
	at += DAP_REPORT_ID_BYTES;
	at = put_integer(at, task->version == DAP_18 ? units : units * task->time_precision,
					 TIME_BYTES);
	if (task->version == DAP_18)
		at = put_integer(at, 0, 2);
	at = put_integer(at, public_share_size, 4);
	if (public_share_size > 0)
		memcpy(at, public_share, public_share_size);
	at += public_share_size;

	write_aad(task, out, header_size, memory);
	for (int role = PRIO_A; role <= PRIO_B && status == PRIO_OK; role++)
		status = write_ciphertext(task, (PrioRole) role, &recipient[role], memory, size_of_aad,
								  memory + size_of_aad, &at);
	prio_wipe(memory, dap_report_make_memory(task, public_share_size, share_size));
	return status;
}
