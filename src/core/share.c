/*
 * share.c
 *		The two vectors of a share, from the packet or from the seed.
 */
#include "share.h"

void
share_begin_a(Share *share, PacketReader reader)
{
	share->role = PRIO_A;
	share->reader = reader;
}

PrioStatus
share_begin_b(Share *share, const uint8_t prg_key[PRIO_AES_KEY_BYTES])
{
	share->role = PRIO_B;
	return prg_open(&share->prg, prg_key, 0);
}

void
share_end(Share *share)
{
	if (share->role == PRIO_B)
		prg_close(&share->prg);
	else
		prio_wipe(share->chunk, sizeof(share->chunk));
}

PrioStatus
share_next_vector(Share *share, size_t count)
{
	return share->role == PRIO_A ? packet_read_array_of(&share->reader, count) : PRIO_OK;
}

PrioStatus
share_read(Share *share, const FieldElement **elements, size_t *count)
{
	if (share->role == PRIO_B)
		return prg_elements(&share->prg, elements, count);
	if (*count > SHARE_CHUNK)
		*count = SHARE_CHUNK;
	*elements = share->chunk;
	return packet_read_elements(&share->reader, share->chunk, *count);
}

PrioStatus
share_check_end(const Share *share)
{
	return share->role == PRIO_A ? packet_read_end(&share->reader) : PRIO_OK;
}
