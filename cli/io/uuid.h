/*
 * uuid.h
 *		UUIDs.
 */
#ifndef PRIO_CLI_UUID_H
#define PRIO_CLI_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_CHARS 36
#define UUID_BYTES 16

/* A UUID in lower case, and a zero byte: of these bytes, or a random one (version 4). */
extern void uuid_write(const uint8_t bytes[UUID_BYTES], char out[UUID_CHARS + 1]);
extern void uuid_make(char out[UUID_CHARS + 1]);

#endif /* PRIO_CLI_UUID_H */
