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
	DedupKey key;

	check_machine(prio_sha256((const uint8_t *) &kind, 1, bytes, size, hash));
	memcpy(&key, hash, sizeof(key));
	return key;
}

/* The entry with this key, or the free one where it would go. */
static DedupEntry *
find_place(const Dedup *dedup, DedupKey key)
{
	size_t place = (size_t) key.words[0] & (dedup->capacity - 1);

	while (dedup->entries[place].number != 0 &&
		   memcmp(&dedup->entries[place].key, &key, sizeof(key)) != 0)
		place = (place + 1) & (dedup->capacity - 1);
	return &dedup->entries[place];
}

uint64_t
dedup_find(const Dedup *dedup, DedupKey key)
{
	return dedup->capacity == 0 ? 0 : find_place(dedup, key)->number;
}

static void
grow(Dedup *dedup)
{
	Dedup old = *dedup;

	dedup->capacity = old.capacity == 0 ? FIRST_CAPACITY : 2 * old.capacity;
	dedup->entries = calloc(dedup->capacity, sizeof(DedupEntry));
	if (dedup->entries == NULL)
		die_no_memory();
	for (size_t i = 0; i < old.capacity; i++)
		if (old.entries[i].number != 0)
			*find_place(dedup, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

void
dedup_add(Dedup *dedup, DedupKey key, uint64_t number)
{
	DedupEntry *entry;

	if (2 * dedup->count >= dedup->capacity)
		grow(dedup);
	entry = find_place(dedup, key);
	entry->key = key;
	entry->number = number;
	dedup->count++;
}

void
dedup_free(Dedup *dedup)
{
	free(dedup->entries);
	memset(dedup, 0, sizeof(*dedup));
}
