/*
 * prio3.h
 *		What the tests of Prio3 share: parameters and reports from vectors, both servers in memory.
 */
#ifndef PRIO_TEST_PRIO3_H
#define PRIO_TEST_PRIO3_H

#include "harness.h"

#include "prio3/aggregate.h"
#include "prio3/client.h"
#include "prio3/verify.h"

/* A VDAF with its tables and context, and the key of both servers. */
typedef struct Party
{
	Prio3Vdaf vdaf;
	void *tables;
	Bytes context;
	uint8_t verify_key[PRIO3_MAX_SEED_BYTES];
} Party;

/* A boolean, an integer, or one that did not fit jansson's and is a string. */
extern uint64_t json_uint64(json_t *value);

/* The parameters that a file of vectors names. */
extern Prio3Parameters prio3_parameters_from_json(json_t *file);
extern void party_make(Party *party, Prio3Parameters parameters, const char *context);
extern void party_from_json(Party *party, json_t *file);
extern void party_free(Party *party);

/* A report as both servers get it; free with report_free(). */
typedef struct TestReport
{
	Bytes nonce;
	Bytes public_share;
	Bytes share[2];
} TestReport;

/* The bytes that a JSON string has as hex digits; free() them. */
extern Bytes bytes_of_hex(json_t *hex);
extern TestReport report_from_json(json_t *report);
extern void report_free(TestReport *report);

/* A measurement that the VDAF has, drawn from test_random(); free() it. */
extern uint64_t *random_measurement(const Prio3Vdaf *vdaf);
/* Shards it with randomness from test_random(). */
extern TestReport report_make(const Party *party, const uint64_t *measurement);

/* What the two servers make of a report. */
typedef struct Verified
{
	const char *refused_at; /* the step, or NULL */
	PrioStatus status[2];   /* of the step that refused, for each server */
	Bytes verifier_share[2];
	Bytes state[2];
	Bytes message;
	Bytes output_share[2];
} Verified;

extern Verified verify_report(const Party *party, const TestReport *report);
extern void verified_free(Verified *verified);

/* prio3_verify_init() of one report, everything asked for; status as the report's. */
extern PrioStatus init_one(const Party *party, PrioRole role, const TestReport *report,
						   Bytes *state, Bytes *verifier_share);

#endif /* PRIO_TEST_PRIO3_H */
