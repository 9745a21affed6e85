/*
 * client.h
 *		The client: a vector of bits becomes two sealed shares (docs/protocol.md, "Client").
 */
#ifndef PRIO_PRIO1_CLIENT_H
#define PRIO_PRIO1_CLIENT_H

#include "prio1/packet.h"
#include "field/lagrange87.h"
#include "prio1/seal.h"

/* What depends on the number of data fields alone. */
typedef struct Prio1Client
{
	size_t n;
	Coset87 transform;
} Prio1Client;

/* 1 <= n <= PRIO1_MAX_DATA; memory has room for prio_coset87_size(n) elements. */
extern PrioStatus prio1_client_init(Prio1Client *client, size_t n, Field87 *memory,
									PrioStop stop);

/* How many elements of scratch memory prio1_client_packets() takes. */
extern size_t prio1_client_scratch_size(size_t n);

/*
 * The plaintext packets of a client, *size_a and *size_b bytes; there is room for
 * prio1_packet_max_plaintext() in each. data has n elements. It is not checked: with anything
 * but zeros and ones this makes a packet that the servers must reject. scratch has room
 * for prio1_client_scratch_size(n) elements, and is wiped.
 */
extern PrioStatus prio1_client_packets(const Prio1Client *client, Prio1PrgVariant variant,
									   const uint8_t *batch_id, size_t batch_id_size,
									   const Field87 *data, uint8_t *plaintext_a,
									   size_t *size_a, uint8_t *plaintext_b, size_t *size_b,
									   Field87 *scratch, PrioStop stop);

#endif /* PRIO_PRIO1_CLIENT_H */
