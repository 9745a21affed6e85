/*
 * seen.h
 *		What has been seen before: digests, and a number for each.
 *
 * SHA-256 decides where an entry stands, so that nobody can fill one corner of the table
 * with names of his choice, and names of any length take the same room.
 */
#ifndef PRIO_CLI_SEEN_H
#define PRIO_CLI_SEEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct SeenDigest
{
	uint64_t words[2];
} SeenDigest;

typedef struct SeenEntry
{
	SeenDigest digest;
	uint64_t number; /* 0: the place is free */
} SeenEntry;

/* All zero is an empty table. */
typedef struct Seen
{
	SeenEntry *entries;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
} Seen;

/* The digest of a thing of some kind; things of different kinds are never the same. */
extern SeenDigest seen_digest(char kind, const void *bytes, size_t size);

/* The number that the thing was added with, or 0. */
extern uint64_t seen_find(const Seen *seen, SeenDigest digest);

/* Adds a thing that is not there yet, with a number above 0. */
extern void seen_add(Seen *seen, SeenDigest digest, uint64_t number);

extern void seen_free(Seen *seen);

#endif /* PRIO_CLI_SEEN_H */
