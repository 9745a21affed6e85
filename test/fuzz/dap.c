/*
 * dap.c
 *		Reports of DAP, and what is in them when they open.
 *
 * Input: what the rest is (1 byte), and that. Bit 0: draft 18, else 09. Bit 1: the plaintext of an
 * input share, which is sealed as it should be, else a report.
 */
#include "fuzz.h"

#include "crypto/hpke.h"
#include "dap/report.h"

#define HEAD_BYTES 1

static const uint8_t configuration[] = "configuration";
static DapTask task = {.configuration = configuration,
					   .configuration_size = sizeof(configuration),
					   .time_precision = 60};
static uint8_t private_key[PRIO_KEY_BYTES];
static uint8_t public_key[PRIO_KEY_BYTES];
static PrioKeyPair *pair;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	assert_ok(prio_key_generate(private_key, public_key));
	assert_ok(prio_key_pair_import(private_key, public_key, &pair));
	return 0;
}

static bool
is_within(const Bytes *bytes, const uint8_t *at, size_t size)
{
	return at >= bytes->data && size <= bytes->size &&
		(size_t) (at - bytes->data) <= bytes->size - size;
}

/* The three parts of a report are all of it, in order; the header is one by itself. */
static void
check_report(Bytes bytes)
{
	DapReport report;
	DapReport header;
	PrioStatus status = dap_report_parse(task.version, bytes.data, bytes.size, &report);

	if (status != PRIO_OK)
	{
		assert_status(status, PRIO_MALFORMED);
		return;
	}
	assert_ptr_equal(report.header, bytes.data);
	assert_ptr_equal(report.share[PRIO_A], report.header + report.header_size);
	assert_ptr_equal(report.share[PRIO_B], report.share[PRIO_A] + report.share_size[PRIO_A]);
	assert_int_equal(report.header_size + report.share_size[PRIO_A] + report.share_size[PRIO_B],
					 bytes.size);
	assert_true(is_within(&bytes, report.report_id, DAP_REPORT_ID_BYTES));
	assert_true(is_within(&bytes, report.public_share, report.public_share_size));
	assert_ok(dap_header_parse(task.version, report.header, report.header_size, &header));
	assert_int_equal(header.time, report.time);
	assert_int_equal(header.has_extensions, report.has_extensions);
	if (task.version == DAP_09)
		assert_false(report.has_extensions);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t config_id;
		DapInputShare share;
		uint8_t *memory =
			malloc(dap_share_open_memory(&task, report.header_size, report.share_size[role]));

		assert_ok(dap_share_config_id(report.share[role], report.share_size[role], &config_id));
		assert_int_equal(config_id, report.share[role][0]);
		status = dap_share_open(&task, (PrioRole) role, pair, public_key, config_id,
								report.header, report.header_size, report.share[role],
								report.share_size[role], memory, &share);
		assert_true(status != PRIO_OK && prio_is_packet_fault(status));
		free(memory);
	}
}

/* A plaintext opens to a payload that, with its length before it, is the end of it. */
static void
check_plaintext(Bytes plaintext)
{
	static const uint8_t header[30] = {0};
	size_t header_size = task.version == DAP_18 ? 30 : 28;
	char info[] = "dap-00 input share\1\2";
	size_t share_size = 39 + plaintext.size + PRIO_HPKE_TAG_BYTES;
	uint8_t *share = malloc(share_size);
	uint8_t *memory = malloc(dap_share_open_memory(&task, header_size, share_size));
	uint8_t aad[DAP_TASK_ID_BYTES + sizeof(configuration) + sizeof(header)];
	size_t aad_size = DAP_TASK_ID_BYTES;
	DapInputShare opened;
	PrioStatus status;

	info[4] = task.version == DAP_18 ? '1' : '0';
	info[5] = task.version == DAP_18 ? '8' : '9';
	memcpy(aad, task.task_id, DAP_TASK_ID_BYTES);
	if (task.version == DAP_18)
	{
		memcpy(aad + aad_size, configuration, sizeof(configuration));
		aad_size += sizeof(configuration);
	}
	memcpy(aad + aad_size, header, header_size);
	aad_size += header_size;
	memcpy(share, "\7\0\40", 3);
	for (int i = 0; i < 4; i++)
		share[35 + i] = (uint8_t) ((plaintext.size + PRIO_HPKE_TAG_BYTES) >> (24 - 8 * i));
	assert_ok(prio_hpke_seal(public_key, (const uint8_t *) info, 20, aad, aad_size,
							 plaintext.data, plaintext.size, share + 3, share + 39));
	status = dap_share_open(&task, PRIO_A, pair, public_key, 7, header, header_size, share,
							share_size, memory, &opened);
	if (status == PRIO_OK)
	{
		assert_int_equal(opened.payload_size + 6, plaintext.size);
		assert_memory_equal(opened.payload, plaintext.data + 6, opened.payload_size);
		assert_memory_equal(plaintext.data, "\0\0", 2);
	}
	else
		assert_true(status == PRIO_MALFORMED || status == PRIO_UNKNOWN_EXTENSION);
	free(memory);
	free(share);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes bytes;

	if (size < HEAD_BYTES)
		return 0;
	task.version = data[0] & 1 ? DAP_18 : DAP_09;
	bytes = exact_copy(data + HEAD_BYTES, size - HEAD_BYTES);
	if (data[0] & 2)
		check_plaintext(bytes);
	else
		check_report(bytes);
	free_exact(bytes);
	return 0;
}
