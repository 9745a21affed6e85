/*
 * dedup.c
 *		A hash table with linear probing, at most half full.
 */
#include "io/dedup.h"

#include "crypto/crypto.h"
#include "exit.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

DedupKey
dedup_key(char kind, const void *bytes, size_t size)
{
	uint8_t hash[PRIO_HASH_BYTES];
	DedupKey digest;

	check_machine(prio_sha256((const uint8_t *) &kind, 1, bytes, size, hash));
	memcpy(&digest, hash, sizeof(digest));
	return digest;
}

/* The entry with this digest, or the free one where it would go. */
static DedupEntry *
find_place(const Dedup *seen, DedupKey digest)
{
	size_t place = (size_t) digest.words[0] & (seen->capacity - 1);

	while (seen->entries[place].number != 0 &&
		   memcmp(&seen->entries[place].digest, &digest, sizeof(digest)) != 0)
		place = (place + 1) & (seen->capacity - 1);
	return &seen->entries[place];
}

uint64_t
dedup_find(const Dedup *seen, DedupKey digest)
{
	return seen->capacity == 0 ? 0 : find_place(seen, digest)->number;
}

static void
grow(Dedup *seen)
{
	Dedup old = *seen;

	seen->capacity = old.capacity == 0 ? FIRST_CAPACITY : 2 * old.capacity;
	seen->entries = calloc(seen->capacity, sizeof(DedupEntry));
	if (seen->entries == NULL)
		die_no_memory();
	for (size_t i = 0; i < old.capacity; i++)
		if (old.entries[i].number != 0)
			*find_place(seen, old.entries[i].digest) = old.entries[i];
	free(old.entries);
}

void
dedup_add(Dedup *seen, DedupKey digest, uint64_t number)
{
	DedupEntry *entry;

	if (2 * seen->count >= seen->capacity)
		grow(seen);
	entry = find_place(seen, digest);
	entry->digest = digest;
	entry->number = number;
	seen->count++;
}

void
dedup_free(Dedup *seen)
{
	free(seen->entries);
	memset(seen, 0, sizeof(*seen));
}
