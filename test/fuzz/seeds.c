/*
 * seeds.c
 *		Makes the seeds of the corpora from test/vectors: seeds DIRECTORY.
 *
 * It writes DIRECTORY/TARGET/NAME, the same bytes every time.
 */
#include "fuzz.h"

#include "prio3.h"

#include "prio1/vectors.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

/* The bytes of a string literal, which may hold zeros. */
#define LITERAL(literal) ((Bytes){(uint8_t *) (uintptr_t) (literal), sizeof(literal) - 1})

static const char *directory;

/* One seed: what the head says, and the bytes behind it. */
static void
write_seed(const char *target, const char *name, const uint8_t *head, size_t head_size,
		   Bytes bytes)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	for (char *p = path + strlen(path) - strlen(name); *p != '\0'; p++)
		if (!isalnum((unsigned char) *p))
			*p = '-';
	file = fopen(path, "wx");
	if (file == NULL || fwrite(head, 1, head_size, file) != head_size ||
		fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

/* ------------------------------------------------------------------ messages */

/* The kinds of messages.c. */
static const char *const kinds[] = {"verify1",    "verify2",      "total",          "totals",
									"long total", "stored total", "stored verifier"};

static void
write_message(const char *kind, const char *name, uint8_t choice, size_t number, Bytes message)
{
	char full_name[100];
	uint8_t head[4] = {0, choice, (uint8_t) number, (uint8_t) (number >> 8)};

	while (strcmp(kinds[head[0]], kind) != 0)
		head[0]++;
	snprintf(full_name, sizeof(full_name), "%s %s", kind, name);
	write_seed("messages", full_name, head, sizeof(head), message);
}

static void
write_pair(const char *kind, const char *name, Bytes first, Bytes second)
{
	Bytes both = {malloc(first.size + second.size), first.size + second.size};

	memcpy(both.data, first.data, first.size);
	memcpy(both.data + first.size, second.data, second.size);
	write_message(kind, name, 0, first.size, both);
	free(both.data);
}

/* The messages of both rounds. */
static void
write_rounds(const Batch *batch)
{
	uint8_t verify1[2][PRIO1_VERIFY1_MAX_BYTES];
	uint8_t verify2[2][PRIO1_VERIFY2_MAX_BYTES];
	size_t size1[2];
	Bytes message[2];
	char name[100];

	for (int role = PRIO_A; role <= PRIO_B; role++)
		size1[role] = prio1_verifier_verify1(&batch->verifier[role], verify1[role]);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes peer = {verify1[!role], size1[!role]};

		message[role].data = verify2[role];
		assert_ok(prio1_verifier_verify2(&batch->verifier[role], peer.data, peer.size,
										 verify2[role], &message[role].size));
		snprintf(name, sizeof(name), "%s for %s", batch->file, role == PRIO_A ? "a" : "b");
		write_message("verify1", name, choice_of(batch, (PrioRole) role), 0, peer);
	}
	write_pair("verify2", batch->file, message[PRIO_A], message[PRIO_B]);
}

static void
write_stored(const char *name, const Prio1Verifier *verifier, bool with_key, Bytes share)
{
	uint8_t stored[PRIO1_VERIFIER_BYTES];

	prio1_verifier_store(verifier, with_key, stored);
	write_pair("stored verifier", name, (Bytes){stored, sizeof(stored)}, share);
}

/* Verifiers and their shares: that of A if it is short, and none for B. */
static void
write_verifiers(const Batch *batch)
{
	Bytes nothing = LITERAL("");
	Bytes share = batch->servers.n > VECTORS_CHUNK ? nothing : batch->share[PRIO_A];
	char name[100];

	snprintf(name, sizeof(name), "%s of a", batch->file);
	write_stored(name, &batch->verifier[PRIO_A], true, share);
	snprintf(name, sizeof(name), "%s of a without key", batch->file);
	write_stored(name, &batch->verifier[PRIO_A], false, share);
	snprintf(name, sizeof(name), "%s of b", batch->file);
	write_stored(name, &batch->verifier[PRIO_B], true, nothing);
}

/* A verifier that claims to be of a packet, in which something is wrong behind the seal. */
static void
write_verifier_of(const char *name, const Batch *batch, Bytes share)
{
	Prio1Verifier verifier = batch->verifier[PRIO_A];
	Bytes plaintext;

	if (!unseal(batch, PRIO_A, share, &plaintext, verifier.key))
		return;
	memcpy(verifier.tag_start, share.data + share.size - PRIO_GCM_TAG_BYTES,
		   PRIO1_TAG_START_BYTES);
	write_stored(name, &verifier, true, share);
	free(plaintext.data);
}

/* The stored form of three times the total whose vector is next in the reader. */
static void
write_stored_total(const char *name, const Prio1Total *total, Prio1PacketReader reader)
{
	Bytes stored = {malloc(4 + prio1_total_stored_size(total->n)),
					prio1_total_stored_size(total->n)};
	Prio1Total copy;

	prio1_total_create(&copy, total->role, total->n, (const uint8_t *) "digest of batch",
					   stored.data + 4);
	assert_ok(prio1_total_add_message(&copy, &reader));
	for (int times = 0; times < 2; times++)
		assert_ok(prio1_total_merge(&copy, total));
	prio1_total_save(&copy, stored.data + 4);
	write_message("stored total", name, 0, 1, (Bytes){stored.data + 4, stored.size});
	free(stored.data);
}

/* The totals of a file, of both servers. */
static void
write_totals(const char *file_name, int bits)
{
	json_t *file = load_vectors(file_name);
	Bytes a = hex_bytes(file, "total_a");
	Bytes b = hex_bytes(file, "total_b");
	Prio1PacketReader reader = prio1_packet_reader(a.data, a.size);
	Prio1PacketReader vector;
	PrioRole role;
	size_t n;
	Prio1Total total;

	write_message("total", file_name, 0, (size_t) bits - 1, a);
	write_pair("totals", file_name, a, b);

	assert_ok(prio1_total_read_head(&reader, &role, &n));
	total = total_make(role, n);
	vector = reader;
	assert_ok(prio1_total_add_message(&total, &reader));
	write_stored_total(file_name, &total, vector);

	json_decref(file);
	free(a.data);
	free(b.data);
	free(total.sums);
}

/* More elements than are read at once, of two bytes each. */
static void
write_long_total(void)
{
	Prio1Total total = total_make(PRIO_B, 300);
	Bytes message = {malloc(prio1_total_max_message(300)), 0};

	message.size = prio1_total_write(&total, message.data);
	write_message("total", "of zeros", 0, 29, message);
	free(total.sums);
	free(message.data);
}

/* Stored verifiers that are none, though nearly. */
static void
write_damaged_verifiers(const Batch *batch)
{
	uint8_t stored[PRIO1_VERIFIER_BYTES];
	uint8_t damaged[PRIO1_VERIFIER_BYTES];
	Bytes whole = {damaged, sizeof(damaged)};

	prio1_verifier_store(&batch->verifier[PRIO_B], true, stored);
#define DAMAGE(name, place, bytes) \
	do \
	{ \
		memcpy(damaged, stored, sizeof(stored)); \
		memcpy(damaged + (place), bytes, sizeof(bytes) - 1); \
		write_pair("stored verifier", name, whole, LITERAL("")); \
	} while (0)
	DAMAGE("of another version", 0, "\x02");
	DAMAGE("with an unknown flag", 1, "\x85");
	DAMAGE("with the key but not its flag", 1, "\x01");
	DAMAGE("of no data fields", 2, "\x00\x00\x00\x00");
	DAMAGE("of the most data fields", 2, "\xff\xff\x03\x00");
	DAMAGE("of one data field more", 2, "\x00\x00\x04\x00");
	DAMAGE("with the modulus", 30, "\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01");
	DAMAGE("with the largest element", 85, "\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00");
#undef DAMAGE
	whole.size--;
	write_pair("stored verifier", "cut by a byte", whole, LITERAL(""));
}

static void
write_messages(void)
{
	for (size_t i = 0; i < BATCHES; i++)
	{
		write_rounds(&batches[i]);
		write_verifiers(&batches[i]);
	}
	write_damaged_verifiers(batch_of_size(5));
	write_stored("too short a share", &batch_of_size(5)->verifier[PRIO_B], true,
				 LITERAL("0123"));
	write_stored("share of another", &batch_of_size(5)->verifier[PRIO_B], true,
				 batch_of_size(1)->share[PRIO_B]);
	write_message("verify1", "zeros", 0, 0, LITERAL("\xa1\x00\xa1\x00"));
	write_message("verify1", "and a byte", 0, 0, LITERAL("\xa1\x00\xa1\x00\x00"));
	write_message("verify1", "of one element", 0, 0, LITERAL("\xa1\x00"));
	write_pair("verify2", "zeros", LITERAL("\xa1\x00"), LITERAL("\xa1\x00"));
	write_pair("verify2", "zeros and a byte", LITERAL("\xa1\x00"), LITERAL("\xa1\x00\x00"));
	write_pair("verify2", "ones", LITERAL("\xa1\x01"), LITERAL("\xa1\x01"));
	write_pair("verify2", "zero and the modulus", LITERAL("\xa1\x00"),
			   LITERAL("\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01"));

	write_totals("n1", 1);
	write_totals("n5-ordinal", 5);
	write_totals("n31", 2);
	write_totals("uint8", 8);
	write_totals("uint42", 42);
	write_long_total();
	write_message("total", "of nothing", 0, 0, LITERAL("\x00\x90"));
	write_message("total", "and a byte", 0, 0, LITERAL("\x00\x91\xa1\x00\x00"));
	write_message("total", "that lies", 0, 0, LITERAL("\x01\xdd\xff\xff\xff\xff\xa1\x00"));
	write_message("long total", "of the most elements", 0, 15,
				  LITERAL("\x01\xdd\x00\x03\xff\xff"));
	write_message("long total", "of one more", 0, 15, LITERAL("\x01\xdd\x00\x04\x00\x00"));
#define DIGEST "digest of batch"
#define STORED(version, role, n, pending, sums) \
	LITERAL(version role n "\0\0\0" pending "\0" DIGEST "\0" sums)
#define ZERO "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	write_message("stored total", "of zero", 0, 1,
				  STORED("\x01\0", "\x01\0", "\x01", "\0\0\0", ZERO));
	write_message("stored total", "cut by a byte", 0, 1,
				  STORED("\x01\0", "\x01\0", "\x01", "\0\0\0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	write_message("stored total", "and a byte", 0, 1,
				  STORED("\x01\0", "\x01\0", "\x01", "\0\0\0", ZERO "\0"));
	write_message("stored total", "of nothing but a head", 0, 1,
				  STORED("\x01\0", "\x01\0", "\0", "\0\0\0", ""));
	write_message("stored total", "of the largest limbs", 0, 0xffff,
				  STORED("\x01\0", "\0\0", "\x01", "\x01\0\0",
						 "\xff\xff\xff\xff\xff\xff\xff\xff"
						 "\xff\xff\xff\xff\xff\xff\xff\xff"));
	write_message("stored total", "of the modulus", 0, 1,
				  STORED("\x01\0", "\0\0", "\x01", "\0\0\0",
						 "\x01\0\x08\0\0\0\0\0\0\0\0\0\0\x08\0\0"));
	write_message("stored total", "as full as can be", 0, 1,
				  STORED("\x01\0", "\0\0", "\x01", "\xfe\xff\x07", ZERO));
	write_message("stored total", "fuller than can be", 0, 1,
				  STORED("\x01\0", "\0\0", "\x01", "\xff\xff\x07", ZERO));
	write_message("stored total", "of another role", 0, 1,
				  STORED("\x01\0", "\x02\0", "\x01", "\0\0\0", ZERO));
	write_message("stored total", "of another version", 0, 1,
				  STORED("\x02\0", "\x01\0", "\x01", "\0\0\0", ZERO));
	write_message("stored total", "of another byte order", 0, 1,
				  STORED("\0\x01", "\0\x01", "\0", "\0\0\0", ZERO));

	/* Sums that just fit 63 bits, and that do not. */
	write_pair("totals", "that just fit", LITERAL("\x00\x91\xa1\x00"),
			   LITERAL("\x01\x91\xa8\x7f\xff\xff\xff\xff\xff\xff\xff"));
	write_pair("totals", "that do not fit", LITERAL("\x00\x91\xa1\x00"),
			   LITERAL("\x01\x91\xa8\x80\x00\x00\x00\x00\x00\x00\x00"));
	write_pair("totals", "of two lengths", LITERAL("\x00\x92\xa1\x00\xa1\x00"),
			   LITERAL("\x01\x91\xa1\x00"));
	write_pair("totals", "of one server and two lengths", LITERAL("\x00\x92\xa1\x00\xa1\x00"),
			   LITERAL("\x00\x91\xa1\x00"));
	write_pair("totals", "of one server", LITERAL("\x00\x91\xa1\x00"),
			   LITERAL("\x00\x91\xa1\x00"));
}

/* ------------------------------------------------------------------ packets */

static void
write_packet(const char *target, const char *name, const Batch *batch, PrioRole role,
			 Bytes packet)
{
	uint8_t choice = choice_of(batch, role);
	char full_name[100];

	snprintf(full_name, sizeof(full_name), "%s %s", name, role == PRIO_A ? "a" : "b");
	write_seed(target, full_name, &choice, 1, packet);
}

/* Sealed, and its plaintext if it opens. */
static void
write_share(const char *name, const Batch *batch, PrioRole role, Bytes share)
{
	Bytes plaintext;

	write_packet("sealed", name, batch, role, share);
	if (unseal(batch, role, share, &plaintext, NULL))
	{
		write_packet("plaintext", name, batch, role, plaintext);
		free(plaintext.data);
	}
}

/* A plaintext, and one byte more. */
static void
write_longer_plaintext(const Batch *batch, PrioRole role)
{
	Bytes plaintext;

	assert_true(unseal(batch, role, batch->share[role], &plaintext, NULL));
	plaintext.data[plaintext.size++] = 0;
	write_packet("plaintext", "and a byte", batch, role, plaintext);
	free(plaintext.data);
}

/*
 * For A, of more data fields than are read at once: every element of its arrays is a one,
 * so that it takes two bytes and not twelve.
 */
static void
write_short_elements(const Batch *batch)
{
	size_t n = batch->servers.n;
	size_t max = prio1_packet_max_plaintext(PRIO_A, strlen(batch->servers.batch_id), n) +
		PRIO1_SEAL_OVERHEAD;
	Field87 *ones = malloc(2 * (n + 1) * sizeof(Field87));
	uint8_t aes_key[PRIO_AES_KEY_BYTES];
	Bytes plaintext;
	Bytes sealed = {malloc(max), 0};
	Prio1PacketReader reader;
	Prio1PacketWriter writer;

	assert_true(unseal(batch, PRIO_A, batch->share[PRIO_A], &plaintext, aes_key));
	reader = prio1_packet_reader(plaintext.data, plaintext.size);
	assert_ok(prio1_packet_skip_batch_id(&reader));
	assert_ok(prio1_packet_read_elements(&reader, ones, 6));
	reader.next++; /* the role */
	writer = prio1_packet_writer((uint8_t *) reader.next, (size_t) (reader.end - reader.next));
	for (size_t i = 0; i < 2 * (n + 1); i++)
		ones[i] = FIELD87_ONE;
	prio1_packet_write_array(&writer, ones, n);
	prio1_packet_write_array(&writer, ones, batch->servers.context[PRIO_A].weights.domain);
	plaintext.size = (size_t) (writer.next - plaintext.data);

	memcpy(sealed.data, batch->share[PRIO_A].data, PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES);
	seal_again(aes_key, plaintext, sealed.data);
	sealed.size = plaintext.size + PRIO1_SEAL_OVERHEAD;
	write_share("ones", batch, PRIO_A, sealed);
	free(ones);
	free(plaintext.data);
	free(sealed.data);
}

/* As long as a packet may be, and a byte more. */
static void
write_long_share(const Batch *batch)
{
	size_t max = prio1_verifier_max_share(strlen(batch->servers.batch_id), batch->servers.n);
	Bytes share = {calloc(1, max + 1), max};

	memcpy(share.data, batch->share[PRIO_A].data, batch->share[PRIO_A].size);
	write_packet("sealed", "of the greatest length", batch, PRIO_A, share);
	share.size++;
	write_packet("sealed", "too long", batch, PRIO_A, share);
	free(share.data);
}

/* The honest packets, and those of invalid.json that must be refused. */
static void
write_packets(void)
{
	json_t *file = load_vectors("invalid");
	json_t *cases = json_object_get(file, "cases");
	const Batch *batch = batch_of_size(13);
	json_t *row;
	size_t i;

	for (size_t j = 0; j < BATCHES; j++)
	{
		if (batches[j].servers.n > VECTORS_CHUNK)
			write_short_elements(&batches[j]);
		else
			write_share(batches[j].file, &batches[j], PRIO_A, batches[j].share[PRIO_A]);
		write_share(batches[j].file, &batches[j], PRIO_B, batches[j].share[PRIO_B]);
	}
	write_longer_plaintext(batch_of_size(1), PRIO_A);
	write_longer_plaintext(batch_of_size(1), PRIO_B);
	write_long_share(batch_of_size(1));
	json_array_foreach(cases, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		const char *role = json_string_value(json_object_get(row, "role"));
		Bytes share;

		if (role == NULL)
			continue;
		share = hex_bytes(row, "share");
		write_share(name, batch, role[0] == 'A' ? PRIO_A : PRIO_B, share);
		if (role[0] == 'A')
			write_verifier_of(name, batch, share);
		free(share.data);
	}
	json_decref(file);
}

/* ------------------------------------------------------------------ objects of messages */

/* The shapes of reader.c. */
static const char *const shapes[] = {"elements", "header",     "role",
									 "bytes",    "batch id",   "array",
									 "array of", "long array", "long str"};

#define write_object(shape, name, count, literal) \
	write_objects(shape, name, count, LITERAL(literal))

static void
write_objects(const char *shape, const char *name, size_t count, Bytes bytes)
{
	char full_name[100];
	uint8_t head[2] = {0, (uint8_t) count};

	while (strcmp(shapes[head[0]], shape) != 0)
		head[0]++;
	snprintf(full_name, sizeof(full_name), "%s %s", shape, name);
	write_seed("reader", full_name, head, sizeof(head), bytes);
}

/* What A's packet of a batch consists of. */
static void
write_parts(const Batch *batch)
{
	Bytes plaintext;
	Prio1PacketReader reader;
	Prio1PacketHeader header;
	PrioRole role;
	size_t n = batch->servers.n;
	Bytes part;

	assert_true(unseal(batch, PRIO_A, batch->share[PRIO_A], &plaintext, NULL));
	reader = prio1_packet_reader(plaintext.data, plaintext.size);
	write_objects("batch id", batch->file, 1, plaintext);
	assert_ok(prio1_packet_skip_batch_id(&reader));
	part = (Bytes){(uint8_t *) reader.next, (size_t) (reader.end - reader.next)};
	write_objects("header", batch->file, 0, part);
	write_objects("elements", batch->file, 6, part);
	assert_ok(prio1_packet_read_header(&reader, &header));
	assert_ok(prio1_packet_read_role(&reader, &role));
	part = (Bytes){(uint8_t *) reader.next, (size_t) (reader.end - reader.next)};
	write_objects("array", batch->file, 0, part);
	write_objects("array of", batch->file, n, part);
	free(plaintext.data);
}

static void
write_reader(void)
{
	write_parts(batch_of_size(1));
	write_parts(batch_of_size(13));
	write_parts(batch_of_size(31));
	write_object("elements", "of all lengths", 11,
				 "\xa1\x00\xa1\x01\xa2\x01\x00\xa3\x01\x00\x00\xa4\x01\x00\x00\x00"
				 "\xa5\x01\x00\x00\x00\x00\xa6\x01\x00\x00\x00\x00\x00"
				 "\xa7\x01\x00\x00\x00\x00\x00\x00\xa8\x01\x00\x00\x00\x00\x00\x00\x00"
				 "\xaa\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"
				 "\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00");
	write_object("elements", "the modulus", 1,
				 "\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01");
	write_object("elements", "the modulus then a short one", 2,
				 "\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01\xa1\x01");
	write_object("elements", "too long", 1,
				 "\xac\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
	write_object("elements", "leading zero", 1, "\xa2\x00\x01");
	write_object("elements", "empty", 1, "\xa0");
	write_object("elements", "str8", 1, "\xd9\x01\x01");
	write_object("elements", "cut by a byte", 1, "\xab\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00");
	write_object("elements", "leading zero of eleven", 1,
				 "\xab\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00");
	write_object("elements", "bin", 1, "\xc4\x01\x01");
	write_object("role", "a", 0, "\x00");
	write_object("role", "b", 0, "\x01");
	write_object("role", "of two bytes", 0, "\xcc\x01");
	write_object("bytes", "seed", 16,
				 "\xb0"
				 "0123456789abcdef");
	write_object("bytes", "too few", 16,
				 "\xaf"
				 "0123456789abcde");
	write_object("bytes", "str8", 32,
				 "\xd9\x20"
				 "0123456789abcdef0123456789abcdef");
	write_object("batch id", "empty", 0, "\xa0");
	write_object("array", "empty", 0, "\x90");
	write_object("array", "nested", 0, "\x91\x91\x91\xa1\x01");
	write_object("array", "longer head", 0, "\xdc\x00\x02\xa1\x01\xa1\x02");
	write_object("array", "of 16", 0,
				 "\xdc\x00\x10\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01"
				 "\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01");
	write_object("array", "of 15 with the longer head", 0,
				 "\xdc\x00\x0f\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01"
				 "\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01");
	write_object("array of", "cut behind 16 bits", 1, "\xdc\x00");
	write_object("array of", "cut behind 32 bits", 1, "\xdd\x00\x00\x00");
	write_object("array of", "which lies", 3, "\xdd\xff\xff\xff\xff\xa1\x01");
	/* The element comes as often again as the count says: reader.c. */
	write_object("long array", "of 65535", 6,
				 "\xdc\xff\xff\xab"
				 "0123456789a");
	write_object("long array", "of 65536", 7,
				 "\xdd\x00\x01\x00\x00\xab"
				 "0123456789a");
	write_object("long array", "of 65535 with the longer head", 6,
				 "\xdd\x00\x00\xff\xff\xab"
				 "0123456789a");
	write_object("long str", "of 65535", 7,
				 "\xda\xff\xff"
				 "a");
	write_object("long str", "of 65536", 8,
				 "\xdb\x00\x01\x00\x00"
				 "a");
}

/* ------------------------------------------------------------------ operands */

/* The operations of arithmetic.c. */
static const char *const operations[] = {"pair",      "power",    "sum",
										 "dot",       "long dot", "accept",
										 "normalise", "weights",  "transform"};

#define write_operands(operation, name, operands) \
	write_operand_bytes(operation, name, operands, sizeof(operands))

static void
write_operand_bytes(const char *operation, const char *name, const uint8_t *operands,
					size_t size)
{
	char full_name[100];
	uint8_t head = 0;
	Bytes bytes = {(uint8_t *) (uintptr_t) operands, size};

	while (strcmp(operations[head], operation) != 0)
		head++;
	snprintf(full_name, sizeof(full_name), "%s %s", operation, name);
	write_seed("arithmetic", full_name, &head, 1, bytes);
}

static const struct
{
	const char *name;
	prio_uint128 value;
} edges[] = {
	{"0", 0},
	{"1", 1},
	{"2 to the 44 less 1", BIT(44) - 1},
	{"2 to the 44", BIT(44)},
	{"2 to the 86", BIT(86)},
	{"2 to the 87 less 1", BIT(87) - 1},
	{"2 to the 87", BIT(87)},
	{"p less 1", SLOW_P - 1},
	{"p", SLOW_P},
	{"2 to the 88 less 1", BIT(88) - 1},
};

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void
write_integer(uint8_t *out, prio_uint128 value, size_t size)
{
	for (size_t i = size; i-- > 0; value >>= 8)
		out[i] = (uint8_t) value;
}

/* An edge and any number; the largest values; both limbs of ones. */
static void
write_arithmetic(void)
{
	static const uint8_t any[11] = {0x25, 0x97, 0xc1, 0x4f, 0x48, 0xd5,
									0xb6, 0x5e, 0xd8, 0xdc, 0xcb};
	uint8_t pair[22];
	uint8_t power[27] = {0};
	uint8_t full[3 * 14 + 22];
	uint8_t dot[9 * 22];
	uint8_t long_dot[2 + 22] = {0x80, 0x09}; /* 8 more than a block of AVX-512, and one */
	uint8_t candidates[2 + EDGES * FIELD87_CANDIDATE_BYTES + 8 * FIELD87_CANDIDATE_BYTES] = {
		0}; /* how many, and some */
	uint8_t normalise[3 + 1 + 3 * (16 + 11)];
	uint8_t weights[2 + 11];
	uint8_t transform[1 + 8 * 11];

	for (size_t i = 0; i < EDGES; i++)
	{
		write_integer(pair, edges[i].value, 11);
		memcpy(pair + 11, any, 11);
		write_operands("pair", edges[i].name, pair);
		memcpy(candidates + 2 + i * FIELD87_CANDIDATE_BYTES, pair, 11);
		candidates[2 + i * FIELD87_CANDIDATE_BYTES + 11] = pair[0];
	}
	for (size_t i = EDGES; i < EDGES + 8; i++)
	{
		memcpy(candidates + 2 + i * FIELD87_CANDIDATE_BYTES, any, 11);
		candidates[2 + i * FIELD87_CANDIDATE_BYTES + 11] = (uint8_t) (0x78 + i);
	}
	write_operands("accept", "edges", candidates);
	candidates[1] = 7;
	write_operands("accept", "seven", candidates);
	/* Zeros, of which none is thrown away. */
	memset(candidates, 0, sizeof(candidates));
	candidates[0] = candidates[1] = 1;
	write_operand_bytes("accept", "a block and one", candidates, 2 + FIELD87_CANDIDATE_BYTES);

	memcpy(power, any, 11);
	write_integer(power + 11, SLOW_P - 1, 16);
	write_operands("power", "of fermat", power);
	write_operand_bytes("power", "zero to the zero", power, 0);
	memset(power + 11, 0xff, 16);
	write_operands("power", "of ones", power);

	memset(full, 0xff, sizeof(full));
	write_operands("sum", "of ones", full);
	write_operand_bytes("sum", "of ones in front", full, 14);
	for (size_t i = 0; i < 18; i++)
		write_integer(dot + 11 * i, SLOW_P - 1 - i % 2, 11);
	write_operands("dot", "of large values", dot);
	write_integer(long_dot + 2, SLOW_P - 1, 11);
	write_integer(long_dot + 13, BIT(87) - 1, 11);
	write_operands("long dot", "of large values", long_dot);

	/* Two limbs as full as can be, and a summand, for each element. */
	memset(normalise, 0xff, sizeof(normalise));
	write_integer(normalise, (1 << 19) - 2, 3);
	for (size_t i = 0; i < 6; i++)
		write_integer(normalise + 4 + i / 2 * 27 + i % 2 * 8, (BIT(19) - 1) * BIT(44) - 1, 8);
	write_operands("normalise", "full", normalise);
	normalise[3] = 0;
	write_operands("normalise", "not quite full", normalise);
	memset(normalise, 0, 3);
	write_operands("normalise", "nothing pending", normalise);

	memcpy(weights + 2, any, 11);
	for (uint8_t n = 1; n <= 5; n++)
	{
		char name[] = "n";

		name[0] = (char) ('0' + n);
		weights[0] = n - 1;
		weights[1] = 1;
		write_operands("weights", name, weights);
	}
	weights[1] = 0;
	for (uint8_t i = 0; i < 8; i++)
	{
		char name[] = "at root n";

		name[8] = (char) ('0' + i);
		weights[0] = 2;
		memset(weights + 2, 0, 11);
		weights[12] = i;
		write_operands("weights", name, weights);
	}

	for (size_t i = 0; i < 8; i++)
	{
		memcpy(transform + 1 + 11 * i, any, 11);
		transform[1 + 11 * i] ^= (uint8_t) i;
	}
	for (uint8_t n = 1; n <= 7; n += 2)
	{
		char name[] = "n";

		name[0] = (char) ('0' + n);
		transform[0] = n - 1;
		write_operands("transform", name, transform);
	}
}

/* ------------------------------------------------------------------ Prio3 and DAP */

/* The files of prio3.c, and what of a report each seed is. */
static void
write_prio3(void)
{
	static const char *const files[] = {"draft18_Count",
										"draft18_Sum_1000",
										"draft18_SumVec_5_1000_3",
										"draft18_Histogram_11_3",
										"draft18_MultihotCountVec_4_2_2",
										"draft18_L1BoundSum_3_7_2",
										"draft08_Count",
										"draft08_Sum_8",
										"draft08_SumVec_7_8_9",
										"draft08_Histogram_11_3"};
	static const char *const whats[] = {"public share",     "share a",
										"share b",          "verifier share a",
										"verifier share b", "message",
										"aggregate share",  "state"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		char name[200];
		json_t *file;
		Party party;
		TestReport report;
		Verified v;

		snprintf(name, sizeof(name), "prio3/%s", files[i]);
		file = load_vectors(name);
		party_from_json(&party, file);
		report = report_from_json(json_array_get(json_object_get(file, "reports"), 0));
		v = verify_report(&party, &report);
		{
			Bytes parts[] = {report.public_share, report.share[0],     report.share[1],
							 v.verifier_share[0], v.verifier_share[1], v.message,
							 v.output_share[0],   v.state[0]};

			for (size_t what = 0; what < sizeof(parts) / sizeof(parts[0]); what++)
			{
				uint8_t head[2] = {(uint8_t) i, (uint8_t) what};

				snprintf(name, sizeof(name), "%s %s", files[i], whats[what]);
				write_seed("prio3", name, head, sizeof(head), parts[what]);
			}
			snprintf(name, sizeof(name), "%s state b", files[i]);
			write_seed("prio3", name, (const uint8_t[]){(uint8_t) i, 7}, 2, v.state[1]);
		}
		verified_free(&v);
		report_free(&report);
		party_free(&party);
		json_decref(file);
	}
}

static void
write_dap(void)
{
	static const char *const files[] = {"Prio3Count", "Prio3Sum", "Prio3SumVec",
										"Prio3Histogram"};
	static const uint8_t report_09 = 0;
	static const uint8_t report_18 = 1;
	static const uint8_t plaintext_18 = 3;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		char name[100];
		json_t *file;
		Bytes bytes;
		Bytes other;

		snprintf(name, sizeof(name), "dap09/%s", files[i]);
		file = load_vectors(name);
		bytes = bytes_of_hex(json_array_get(json_object_get(file, "reports"), 0));
		snprintf(name, sizeof(name), "%s 09", files[i]);
		write_seed("dap", name, &report_09, 1, bytes);
		/* The same with an empty list of extensions behind the time. */
		other = (Bytes){malloc(bytes.size + 2), bytes.size + 2};
		memcpy(other.data, bytes.data, 24);
		memset(other.data + 24, 0, 2);
		memcpy(other.data + 26, bytes.data + 24, bytes.size - 24);
		snprintf(name, sizeof(name), "%s 18", files[i]);
		write_seed("dap", name, &report_18, 1, other);
		free(other.data);
		free(bytes.data);
		json_decref(file);
	}
	write_seed("dap", "plaintext 18", &plaintext_18, 1, LITERAL("\0\0\0\0\0\3abc"));
	write_seed("dap", "plaintext with an extension", &plaintext_18, 1,
			   LITERAL("\0\5\0\7\0\1x\0\0\0\1a"));
	write_seed("dap", "plaintext that lies", &plaintext_18, 1,
			   LITERAL("\0\0\377\377\377\377abc"));
}

static void
write_json(void)
{
	static const uint8_t head = 0; /* there is none */

	write_seed("json", "line of a client", &head, 0,
			   LITERAL(
				   "{\"id\": \"6b0a4c5e-1d51-4b77-8d0c-2f2a3f1d9e10\", \"payload\": \"AAECAw==\"}"));
	write_seed("json", "escapes", &head, 0,
			   LITERAL(
				   "{\"\\u0069d\":\"\\ud83d\\ude00\\\"\\n\303\244\",\"payload\":\"\\/\\u002b\"}"));
	write_seed("json", "members that nobody needs", &head, 0,
			   LITERAL(
				   "{\"id\":17,\"x\":[1e400,{\"y\":[true,false,null,-0.5E+3]},[]],\"payload\":\"\"}"));
	write_seed("json", "members twice", &head, 0,
			   LITERAL("{\"x\":1,\"x\":2,\"id\":1,\"id\":2}"));
	write_seed("json", "null character and half a pair", &head, 0,
			   LITERAL("{\"id\":\"\\u0000\",\"payload\":\"\\ud800\"}"));
}

int
main(int argc, char **argv)
{
	if (argc != 2)
	{
		fprintf(stderr, "usage: seeds DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	mkdir(directory, 0777);
	fuzz_begin();
	write_packets();
	write_messages();
	write_reader();
	write_arithmetic();
	write_prio3();
	write_dap();
	write_json();
	return 0;
}
