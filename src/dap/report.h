/*
 * report.h
 *		Reports of DAP, the Distributed Aggregation Protocol: drafts 18 and 09.
 *
 * Layouts: docs/prio3.md, "DAP". A Report is its header (metadata and public share, in
 * clear), and an HPKE ciphertext for each of the two servers. Everything here is hostile
 * input: lengths are checked before they are used, and every byte has to be used up.
 */
#ifndef PRIO_DAP_REPORT_H
#define PRIO_DAP_REPORT_H

#include "base/params.h"
#include "base/status.h"
#include "crypto/crypto.h"

#include <stddef.h>
#include <stdint.h>

typedef enum DapVersion
{
	DAP_09 = 9,
	DAP_18 = 18
} DapVersion;

#define DAP_TASK_ID_BYTES 32
#define DAP_REPORT_ID_BYTES 16
#define DAP_CONTEXT_BYTES 38 /* "dap-18" and the task id */

/* What a server has to know of its task. */
typedef struct DapTask
{
	DapVersion version;
	uint8_t task_id[DAP_TASK_ID_BYTES];

	/* The encoded TaskConfiguration, which the additional data has in 18; else empty. */
	const uint8_t *configuration;
	size_t configuration_size;

	/* Seconds of one unit of time, at least 1. In 09 times are seconds, multiples of it. */
	uint64_t time_precision;
} DapTask;

/* A Report, or a header, taken apart: everything points into its bytes. */
typedef struct DapReport
{
	const uint8_t *header; /* what both seals cover: metadata and public share */
	size_t header_size;
	const uint8_t *report_id; /* DAP_REPORT_ID_BYTES: the nonce of Prio3 as well */
	uint64_t time; /* as it stands there: units of time_precision in 18, seconds in 09 */
	const uint8_t *public_share;
	size_t public_share_size;
	bool has_extensions; /* 18: public ones; none is known, so the report is to be refused */

	/* The HpkeCiphertexts of A and B; NULL in a header. */
	const uint8_t *share[2];
	size_t share_size[2];
} DapReport;

/* Where an input share lies in an opened plaintext. */
typedef struct DapInputShare
{
	const uint8_t *payload; /* Prio3's input share */
	size_t payload_size;
} DapInputShare;

/* The application context of Prio3 for a task of 18 (09 has none). */
extern void dap_context(const DapTask *task, uint8_t context[DAP_CONTEXT_BYTES]);

/* Takes a Report apart; PRIO_MALFORMED. Copies nothing. */
extern PrioStatus dap_report_parse(DapVersion version, const uint8_t *bytes, size_t size,
								   DapReport *report);

/* The same for what dap_report_parse() calls the header. */
extern PrioStatus dap_header_parse(DapVersion version, const uint8_t *bytes, size_t size,
								   DapReport *report);

/* The id of the key that an HpkeCiphertext is sealed to; PRIO_MALFORMED. */
extern PrioStatus dap_share_config_id(const uint8_t *share, size_t size, uint8_t *config_id);

/* The time of a report in seconds since 1970; PRIO_OUT_OF_RANGE if beyond 2^63 - 1. */
extern PrioStatus dap_report_seconds(const DapTask *task, uint64_t time, int64_t *seconds);

/* Bytes of memory that dap_share_open() needs for a share and header of these sizes. */
extern size_t dap_share_open_memory(const DapTask *task, size_t header_size, size_t share_size);

/*
 * Opens an HpkeCiphertext (docs/prio3.md, "DAP"). memory: dap_share_open_memory() bytes, in which
 * input_share points afterwards; it is secret then, and the caller wipes it.
 *
 * PRIO_MALFORMED: the share, the header or the plaintext is none; PRIO_UNKNOWN_KEY: sealed to another
 * key than config_id; PRIO_DECRYPTION_FAILED; PRIO_UNKNOWN_EXTENSION: the report or the
 * share has extensions, none of which is known here.
 */
extern PrioStatus dap_share_open(const DapTask *task, PrioRole role, PrioKeyPair *pair,
								 const uint8_t public_key[PRIO_KEY_BYTES], uint8_t config_id,
								 const uint8_t *header, size_t header_size,
								 const uint8_t *share, size_t share_size, uint8_t *memory,
								 DapInputShare *input_share);

/* The way back, for clients. Sizes are those of Prio3's shares. */
typedef struct DapRecipient
{
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t config_id;
	const uint8_t *input_share;
	size_t input_share_size;
} DapRecipient;

/* Bytes of the report that dap_report_make() writes, and of its header alone. */
extern size_t dap_report_size(const DapTask *task, size_t public_share_size,
							  const size_t input_share_size[2]);
extern size_t dap_header_size(const DapTask *task, size_t public_share_size);

/* Bytes of scratch memory that dap_report_make() needs and wipes. */
extern size_t dap_report_make_memory(const DapTask *task, size_t public_share_size,
									 const size_t input_share_size[2]);

/*
 * Writes a report: dap_report_size() bytes to out. seconds is rounded down to the
 * precision of the task. PRIO_OUT_OF_RANGE: a time before 1970. PRIO_MISMATCH: a public key is
 * not a usable point.
 */
extern PrioStatus dap_report_make(const DapTask *task,
								  const uint8_t report_id[DAP_REPORT_ID_BYTES],
								  int64_t seconds, const uint8_t *public_share,
								  size_t public_share_size, const DapRecipient recipient[2],
								  uint8_t *memory, uint8_t *out);

#endif /* PRIO_DAP_REPORT_H */
