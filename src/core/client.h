/*
 * client.h
 *		The client: a vector of bits becomes two sealed shares (PROTOCOL.md, "Client").
 */
#ifndef PRIO_CLIENT_H
#define PRIO_CLIENT_H

#include "packet.h"
#include "poly.h"
#include "seal.h"

/* What depends on the number of data fields alone. */
typedef struct Client
{
	size_t n;
	CosetTransform transform;
} Client;

/* 1 <= n <= PRIO_MAX_DATA; memory has room for poly_coset_size(n) elements. */
extern PrioStatus client_init(Client *client, size_t n, FieldElement *memory, PrioStop stop);

/* How many elements of scratch memory client_packets() takes. */
extern size_t client_scratch_size(size_t n);

/*
 * The plaintext packets of a client, *size_a and *size_b bytes; there is room for
 * packet_max_plaintext() in each. data has n elements. It is not checked: with anything
 * but zeros and ones this makes a packet that the servers must reject. scratch has room
 * for client_scratch_size(n) elements, and is wiped.
 */
extern PrioStatus client_packets(const Client *client, PrgVariant variant,
								 const uint8_t *batch_id, size_t batch_id_size,
								 const FieldElement *data, uint8_t *plaintext_a,
								 size_t *size_a, uint8_t *plaintext_b, size_t *size_b,
								 FieldElement *scratch, PrioStop stop);

#endif /* PRIO_CLIENT_H */
