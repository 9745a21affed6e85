/*
 * dedup.h
 *		Finds duplicates: what was there before is kept as a digest, and a number for each.
 *
 * SHA-256 decides where an entry stands, so that nobody can fill one corner of the table
 * with names of his choice, and names of any length take the same room.
 */
#ifndef PRIO_CLI_DEDUP_H
#define PRIO_CLI_DEDUP_H

#include <stddef.h>
#include <stdint.h>

/* The digest of a thing, half of a SHA-256. */
typedef struct DedupKey
{
	uint64_t words[2];
} DedupKey;

typedef struct DedupEntry
{
	DedupKey key;
	uint64_t number; /* 0: the place is free */
} DedupEntry;

/* All zero is an empty table. */
typedef struct Dedup
{
	DedupEntry *entries;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
} Dedup;

/* The key of a thing of some kind; things of different kinds are never the same. */
extern DedupKey dedup_key(char kind, const void *bytes, size_t size);

/* The number that the thing was added with, or 0. */
extern uint64_t dedup_find(const Dedup *dedup, DedupKey key);

/* Adds a thing that is not there yet, with a number above 0. */
extern void dedup_add(Dedup *dedup, DedupKey key, uint64_t number);

extern void dedup_free(Dedup *dedup);

#endif /* PRIO_CLI_DEDUP_H */
