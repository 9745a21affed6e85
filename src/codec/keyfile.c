/*
 * keyfile.c
 *		Keys and secrets in writing, and who may read their files.
 */
#include "codec/keyfile.h"

#include "base/params.h"
#include "codec/hex_base64.h"

bool
prio_parse_key(const char *text, size_t length, uint8_t *out)
{
	return prio_parse_hex(text, length, out, PRIO_KEY_BYTES);
}

bool
prio_parse_shared_secret(const char *text, size_t length, uint8_t *out)
{
	return prio_parse_hex(text, length, out, PRIO1_SEED_BYTES) ||
		prio_parse_base64(text, length, out, PRIO1_SEED_BYTES);
}

bool
prio_parse_short_verify_key(const char *text, size_t length, uint8_t *out)
{
	return prio_parse_hex(text, length, out, 16);
}

bool
prio_key_file_is_open_to_others(const struct stat *status)
{
	mode_t others = status->st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;

	return S_ISREG(status->st_mode) && (status->st_mode & others) != 0;
}
