/*
 * vectors.c
 *		The two vectors of a share, from the packet or from the seed.
 */
#include "prio1/vectors.h"

#include "base/secret.h"

void
prio1_vectors_begin_a(Prio1Vectors *vectors, Prio1PacketReader reader)
{
	vectors->role = PRIO_A;
	vectors->reader = reader;
}

PrioStatus
prio1_vectors_begin_b(Prio1Vectors *vectors, const uint8_t key[PRIO_AES_KEY_BYTES])
{
	vectors->role = PRIO_B;
	return prio1_prg_open(&vectors->prg, key, 0);
}

void
prio1_vectors_end(Prio1Vectors *vectors)
{
	if (vectors->role == PRIO_B)
		prio1_prg_close(&vectors->prg);
	else
		prio_wipe(vectors->chunk, sizeof(vectors->chunk));
}

PrioStatus
prio1_vectors_next(Prio1Vectors *vectors, size_t count)
{
	return vectors->role == PRIO_A ? prio1_packet_read_array_of(&vectors->reader, count) :
									 PRIO_OK;
}

PrioStatus
prio1_vectors_read(Prio1Vectors *vectors, const Field87 **elements, size_t *count)
{
	if (vectors->role == PRIO_B)
		return prio1_prg_elements(&vectors->prg, elements, count);
	if (*count > VECTORS_CHUNK)
		*count = VECTORS_CHUNK;
	*elements = vectors->chunk;
	return prio1_packet_read_elements(&vectors->reader, vectors->chunk, *count);
}

PrioStatus
prio1_vectors_check_end(const Prio1Vectors *vectors)
{
	return vectors->role == PRIO_A ? prio1_packet_read_end(&vectors->reader) : PRIO_OK;
}
