/*
 * cheat.c
 *		A client that lies.
 *
 * cheat PUBLIC_KEY_A PUBLIC_KEY_B BATCH_ID VALUE ... seals any integers modulo p as if they
 * were bits. It prints both shares, in hexadecimal, on a line of their own. A negative value
 * is what it is modulo p.
 *
 * cheat seal PUBLIC_KEY FILE ... replaces whatever a file holds by a packet with that in it.
 */
#include "prio1/client.h"

#include <stdio.h>
#include <stdlib.h>

static void
fail(const char *what)
{
	fprintf(stderr, "cheat: %s\n", what);
	exit(1);
}

static void
check(PrioStatus status)
{
	if (status != PRIO_OK)
		fail(prio_status_text(status));
}

static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

/* size bytes sealed to a key in hexadecimal; there are PRIO1_SEAL_OVERHEAD more. */
static uint8_t *
seal_to(const char *public_key_hex, const uint8_t *plaintext, size_t size)
{
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t *share = allocate(size + PRIO1_SEAL_OVERHEAD);

	for (size_t i = 0; i < PRIO_KEY_BYTES; i++)
	{
		unsigned int byte;

		if (sscanf(public_key_hex + 2 * i, "%2x", &byte) != 1)
			fail("a public key has 64 hexadecimal digits");
		public_key[i] = (uint8_t) byte;
	}
	check(prio1_seal(public_key, plaintext, size, share));
	return share;
}

static void
print_share(const char *public_key_hex, const uint8_t *plaintext, size_t size)
{
	uint8_t *share = seal_to(public_key_hex, plaintext, size);

	for (size_t i = 0; i < size + PRIO1_SEAL_OVERHEAD; i++)
		printf("%02x", share[i]);
	printf("\n");
	free(share);
}

static void
seal_file(const char *public_key_hex, const char *path)
{
	FILE *file = fopen(path, "r+b");
	uint8_t *plaintext;
	uint8_t *share;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		fail(path);
	size = ftell(file);
	rewind(file);
	plaintext = allocate((size_t) size + 1);
	if (size < 0 || fread(plaintext, 1, (size_t) size, file) != (size_t) size)
		fail(path);
	share = seal_to(public_key_hex, plaintext, (size_t) size);
	rewind(file);
	if (fwrite(share, 1, (size_t) size + PRIO1_SEAL_OVERHEAD, file) !=
			(size_t) size + PRIO1_SEAL_OVERHEAD ||
		fclose(file) != 0)
		fail(path);
	free(plaintext);
	free(share);
}

int
main(int argc, char **argv)
{
	size_t n = argc > 4 ? (size_t) argc - 4 : 0;
	Prio1Client client;
	Field87 *memory;
	Field87 *scratch;
	Field87 *data;
	uint8_t *plaintext[2];
	size_t size[2];
	size_t batch_id_size;

	if (argc > 2 && strcmp(argv[1], "seal") == 0)
	{
		for (int i = 3; i < argc; i++)
			seal_file(argv[2], argv[i]);
		return 0;
	}
	if (n < 1 || n > PRIO1_MAX_DATA)
		fail("usage: cheat PUBLIC_KEY_A PUBLIC_KEY_B BATCH_ID VALUE ..., or cheat seal PUBLIC_KEY FILE ...");
	batch_id_size = strlen(argv[3]);
	memory = allocate(prio_coset87_size(n) * sizeof(Field87));
	scratch = allocate(prio1_client_scratch_size(n) * sizeof(Field87));
	data = allocate(n * sizeof(Field87));
	for (size_t i = 0; i < n; i++)
	{
		long long value = atoll(argv[4 + i]);

		data[i] = value < 0 ? field87_neg(field87_from_integer((prio_uint128) -value)) :
							  field87_from_integer((prio_uint128) value);
	}
	plaintext[PRIO_A] = allocate(prio1_packet_max_plaintext(PRIO_A, batch_id_size, n));
	plaintext[PRIO_B] = allocate(prio1_packet_max_plaintext(PRIO_B, batch_id_size, n));
	check(prio1_client_init(&client, n, memory, NULL));
	check(prio1_client_packets(&client, PRIO1_PRG_BATCH, (const uint8_t *) argv[3],
							   batch_id_size, data, plaintext[PRIO_A], &size[PRIO_A],
							   plaintext[PRIO_B], &size[PRIO_B], scratch, NULL));
	print_share(argv[1], plaintext[PRIO_A], size[PRIO_A]);
	print_share(argv[2], plaintext[PRIO_B], size[PRIO_B]);
	free(memory);
	free(scratch);
	free(data);
	free(plaintext[PRIO_A]);
	free(plaintext[PRIO_B]);
	return 0;
}
