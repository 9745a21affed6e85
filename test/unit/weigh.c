/*
 * weigh.c
 *		How much a server computes for packets: run under callgrind, which counts instructions.
 *
 * weigh ROLE N PRIVATE_KEY PUBLIC_KEY SHARED_SECRET BATCH_ID FILE ...
 *
 * Keys are in hexadecimal, and files hold sealed packets. Opens one after the other; callgrind
 * writes a dump for each, in their order.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

static Bytes
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	Bytes bytes = {NULL, 0};

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		fail_msg("cannot read %s", path);
	bytes.size = (size_t) ftell(file);
	bytes.data = malloc(bytes.size + 1);
	rewind(file);
	assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
	fclose(file);
	return bytes;
}

int
main(int argc, char **argv)
{
	Servers servers;
	PrioRole role;

	if (argc < 8)
	{
		fprintf(stderr,
				"usage: weigh ROLE N PRIVATE_KEY PUBLIC_KEY SHARED_SECRET BATCH_ID FILE ...\n");
		return 2;
	}
	role = argv[1][0] == 'A' ? PRIO_A : PRIO_B;
	servers_make(&servers, argv[6], strtoul(argv[2], NULL, 10), PRIO1_PRG_BATCH);
	prio_key_pair_free(servers.pair[role]);
	bytes_from_hex(argv[3], servers.private_key[role], PRIO_KEY_BYTES);
	bytes_from_hex(argv[4], servers.public_key[role], PRIO_KEY_BYTES);
	bytes_from_hex(argv[5], servers.shared_secret, PRIO1_SEED_BYTES);
	assert_ok(prio_key_pair_import(servers.private_key[role], servers.public_key[role],
								   &servers.pair[role]));
	servers_set_ordinal(&servers, 0);

	/* What is done once is done when the first one has been opened. */
	for (int i = 6; i < argc; i++)
	{
		Bytes share = read_file(argv[i == 6 ? 7 : i]);
		uint8_t *plaintext = malloc(share.size + 1);
		Prio1Verifier verifier;
		PrioStatus status;

		CALLGRIND_ZERO_STATS;
		CALLGRIND_TOGGLE_COLLECT;
		status = prio1_verifier_open(&servers.context[role], servers.pair[role], share.data,
									 share.size, plaintext, &verifier);
		CALLGRIND_TOGGLE_COLLECT;
		if (i > 6)
		{
			CALLGRIND_DUMP_STATS;
			printf("%s\n", prio_status_text(status));
		}
		free(plaintext);
		free(share.data);
	}
	servers_free(&servers);
	return 0;
}
