/*
 * secrets.h
 *		The secrets of a server: from the options of a user mapping, or from the files that
 *		these name.
 *
 * These functions raise an error when there is no such secret, and then leave nothing of one;
 * otherwise the caller wipes it. server_name is for the errors.
 */
#ifndef PRIO_PG_SECRETS_H
#define PRIO_PG_SECRETS_H

#include "prio.h"

#include "nodes/pg_list.h"

extern void prio_load_private_key(List *options, const char *server_name,
								  uint8_t private_key[PRIO_KEY_BYTES]);
extern void prio_load_shared_secret(List *options, const char *server_name,
									uint8_t shared_secret[PRIO1_SEED_BYTES]);
extern void prio_load_previous_private_key(List *options, const char *server_name,
										   uint8_t private_key[PRIO_KEY_BYTES]);

/* size: bytes of the verify key, as the draft has them. */
extern void prio_load_verify_key(List *options, const char *server_name, Size size,
								 uint8_t verify_key[PRIO3_MAX_SEED_BYTES]);

#endif /* PRIO_PG_SECRETS_H */
