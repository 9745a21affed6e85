/*
 * keyfile.h
 *		Keys and secrets in writing, and the files that hold them: one rule for the extension
 *		and the command.
 */
#ifndef PRIO_CODEC_KEYFILE_H
#define PRIO_CODEC_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A file of a key is shorter. */
#define PRIO_KEY_FILE_MAX_BYTES 1024

/* What a reader of a bad value is told to write instead. */
#define PRIO_EXPECTED_KEY "64 hexadecimal digits"
#define PRIO_EXPECTED_SHARED_SECRET "32 hexadecimal digits, or 16 bytes in base64"
#define PRIO_EXPECTED_SHORT_VERIFY_KEY "32 hexadecimal digits"

/* Reads bytes of a number that goes with the kind; false if they are not there. */
typedef bool (*PrioParseSecret)(const char *text, size_t length, uint8_t *out);

/* An X25519 key, private or public: out has room for 32 bytes. */
extern bool prio_parse_key(const char *text, size_t length, uint8_t *out);

/* The servers' shared secret: out has room for PRIO1_SEED_BYTES. */
extern bool prio_parse_shared_secret(const char *text, size_t length, uint8_t *out);

/* A verify key of Prio3 in draft 8, whose seeds have 16 bytes; that of draft 18 is a key. */
extern bool prio_parse_short_verify_key(const char *text, size_t length, uint8_t *out);

/*
 * May others than the owner read this file? The rule is the one that PostgreSQL has for the
 * key of its TLS certificate: mode 0600, or 0640 when root owns it. What is no regular file,
 * such as a pipe from another program, has no mode that counts.
 */
extern bool prio_key_file_is_open_to_others(const struct stat *status);

#endif /* PRIO_CODEC_KEYFILE_H */
