/*
 * micro.c
 *		What every step of the protocol costs, next to what NSS alone takes to unseal the
 *		same packet: the floor.
 *
 * micro times ROUNDS [N ...]	CPU time of every step, as tab-separated values
 * micro sizes [N ...]			bytes of packets and tables
 * micro variant				which variant of the kernels this processor gets
 * micro variants				all that it could have: kernels=NAME in front chooses one
 *
 * A round measures, for each step, first the floor and then the step, so that whatever
 * else the machine does hits both alike; the ratio is the median over the rounds of the
 * ratios of such neighbours. One sample lasts SAMPLE_SECONDS or longer, and goes round the
 * packets of several clients, so that no branch predictor learns one by heart.
 */
#include "prio1/client.h"
#include "prio1/vectors.h"
#include "prio1/total.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_SECONDS 1e-3
#define STEP_SECONDS 2.0 /* a slow step gets fewer rounds, to take about this long */
#define MIN_ROUNDS 5
#define CLIENTS 8

static const uint8_t batch_id[] = "benchmark-2026-11-22";

#define BATCH_ID_SIZE (sizeof(batch_id) - 1)

/* What a server has of one client. */
typedef struct Packet
{
	uint8_t *sealed;
	size_t size;
	uint8_t *plaintext;
	size_t plaintext_size;
	Prio1Verifier verifier;
	uint8_t stored[PRIO1_VERIFIER_BYTES];
	uint8_t verify1[PRIO1_VERIFY1_MAX_BYTES];
	size_t verify1_size;
	uint8_t verify2[PRIO1_VERIFY2_MAX_BYTES];
	size_t verify2_size;
} Packet;

typedef struct Server
{
	uint8_t public_key[PRIO_KEY_BYTES];
	PrioKeyPair *pair;
	Prio1VerifierContext context;
	Prio1Total total;
	Packet packets[CLIENTS];
} Server;

/* Everything there is for one number of data fields. */
typedef struct Bench
{
	size_t n;
	size_t domain;
	PrioRole role; /* whose step is being measured */
	Server servers[2];
	Field87 point;
	Field87 *context_memory; /* for the step that builds a context */
	Prio1Client client;
	Field87 *client_memory; /* for the step that builds the tables of a client */
	Field87 *scratch;
	Field87 *data[CLIENTS];
	uint8_t *plaintext[2]; /* output of the steps, by role */
	size_t plaintext_size[2];
	uint8_t *sealed[2];
} Bench;

/* What a step computes ends here, or the compiler would not compute it. */
static volatile uint64_t sink;

static _Noreturn void
fail(PrioStatus status)
{
	fprintf(stderr, "micro: %s %s\n", prio_status_text(status),
			status == PRIO_NSS_FAILED ? prio_nss_error_text() : "");
	exit(1);
}

static void
must(PrioStatus status)
{
	if (status != PRIO_OK)
		fail(status);
}

/* What has been allocated for the current number of data fields. */
static void *blocks[256];
static size_t blocks_used;

static void *
allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory == NULL || blocks_used == sizeof(blocks) / sizeof(blocks[0]))
		fail(PRIO_NO_MEMORY);
	memset(memory, 0, size); /* so that no step pays for touching it first */
	blocks[blocks_used++] = memory;
	return memory;
}

static Field87 *
allocate_elements(size_t count)
{
	return allocate(count * sizeof(Field87));
}

/* ------------------------------------------------------------------ the steps */

static void
step_floor(Bench *bench, size_t i)
{
	const Server *server = &bench->servers[bench->role];
	const Packet *packet = &server->packets[i];
	size_t size;

	must(prio1_seal_open(server->pair, packet->sealed, packet->size,
						 bench->plaintext[bench->role], &size, NULL));
}

static void
step_open(Bench *bench, size_t i)
{
	const Server *server = &bench->servers[bench->role];
	const Packet *packet = &server->packets[i];
	Prio1Verifier verifier;

	must(prio1_verifier_open(&server->context, server->pair, packet->sealed, packet->size,
							 bench->plaintext[bench->role], &verifier));
}

/* What precedes the vectors; seed is set for B. */
static Prio1PacketReader
read_head(const Packet *packet, uint8_t seed[PRIO1_SEED_BYTES])
{
	Prio1PacketReader reader = prio1_packet_reader(packet->plaintext, packet->plaintext_size);
	Prio1PacketHeader header;
	PrioRole role;

	must(prio1_packet_read_batch_id(&reader, batch_id, BATCH_ID_SIZE));
	must(prio1_packet_read_header(&reader, &header));
	must(prio1_packet_read_role(&reader, &role));
	if (role == PRIO_B)
	{
		must(prio1_packet_read_bytes(&reader, seed, PRIO1_SEED_BYTES));
		must(prio1_packet_read_end(&reader));
	}
	return reader;
}

static void
read_vector(Prio1Vectors *share, size_t count)
{
	must(prio1_vectors_next(share, count));
	while (count > 0)
	{
		const Field87 *elements;
		size_t size = count;

		must(prio1_vectors_read(share, &elements, &size));
		sink += elements[0].lo;
		count -= size;
	}
}

static void
read_vectors(Bench *bench, Prio1Vectors *share)
{
	read_vector(share, bench->n);
	read_vector(share, bench->domain);
	must(prio1_vectors_check_end(share));
	prio1_vectors_end(share);
}

/* A's packet: head and vectors. B's has no vectors. */
static void
step_parse(Bench *bench, size_t i)
{
	uint8_t seed[PRIO1_SEED_BYTES];
	Prio1PacketReader reader = read_head(&bench->servers[bench->role].packets[i], seed);
	Prio1Vectors share;

	if (bench->role == PRIO_B)
		return;
	prio1_vectors_begin_a(&share, reader);
	read_vectors(bench, &share);
}

/* B's vectors, from the key of the stream. */
static void
step_prg(Bench *bench, size_t i)
{
	Prio1Vectors share;

	must(prio1_vectors_begin_b(&share, bench->servers[PRIO_B].packets[i].verifier.key));
	read_vectors(bench, &share);
}

/* Against elements that are in the cache: those just read would be, too. */
static void
add_dots(const Field87 *weights, size_t count)
{
	static Field87 elements[VECTORS_CHUNK];
	Field87Sum sum = {0, 0, 0};

	for (size_t done = 0; done < count; done += VECTORS_CHUNK)
		prio_kernels->add_dot(&sum, weights + done, elements,
							  count - done < VECTORS_CHUNK ? count - done : VECTORS_CHUNK);
	sink += field87_sum_reduce(&sum).lo;
}

static void
step_dot(Bench *bench, size_t i)
{
	const Lagrange87 *weights = &bench->servers[bench->role].context.weights;

	(void) i;
	add_dots(weights->data, bench->n);
	add_dots(weights->h, bench->domain);
}

static void
step_load(Bench *bench, size_t i)
{
	Prio1Verifier verifier;

	must(prio1_verifier_load(&verifier, bench->servers[bench->role].packets[i].stored,
							 PRIO1_VERIFIER_BYTES));
	sink += verifier.d.lo;
}

static void
step_verify1(Bench *bench, size_t i)
{
	uint8_t message[PRIO1_VERIFY1_MAX_BYTES];

	sink += prio1_verifier_verify1(&bench->servers[bench->role].packets[i].verifier, message);
}

static void
step_verify2(Bench *bench, size_t i)
{
	const Packet *peer = &bench->servers[PRIO_B - bench->role].packets[i];
	uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
	size_t size;

	must(prio1_verifier_verify2(&bench->servers[bench->role].packets[i].verifier,
								peer->verify1, peer->verify1_size, message, &size));
	sink += size;
}

static void
step_is_valid(Bench *bench, size_t i)
{
	const Packet *own = &bench->servers[bench->role].packets[i];
	const Packet *peer = &bench->servers[PRIO_B - bench->role].packets[i];

	bool valid;

	must(prio1_verifier_is_valid(own->verify2, own->verify2_size, peer->verify2,
								 peer->verify2_size, &valid));
	if (!valid)
		must(PRIO_MISMATCH);
}

static void
step_total(Bench *bench, size_t i)
{
	Server *server = &bench->servers[bench->role];
	const Packet *packet = &server->packets[i];

	must(prio1_total_add_share(&server->total, &packet->verifier, packet->sealed, packet->size,
							   bench->plaintext[bench->role]));
}

static void
step_point(Bench *bench, size_t i)
{
	static const uint8_t shared_secret[PRIO1_SEED_BYTES];

	(void) i;
	must(prio1_verifier_point(shared_secret, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
							  bench->n, 0, NULL, &bench->point, NULL));
}

static void
init_context(const Bench *bench, PrioRole role, Prio1VerifierContext *context, Field87 *memory)
{
	must(prio1_verifier_context_init(context, role, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
									 bench->n, bench->point, memory, NULL));
}

/* What the first packet of a batch costs besides its own: the point and the weights. */
static void
step_context(Bench *bench, size_t i)
{
	Prio1VerifierContext context;

	step_point(bench, i);
	init_context(bench, bench->role, &context, bench->context_memory);
}

/* Without sealing. */
static void
step_packets(Bench *bench, size_t i)
{
	must(prio1_client_packets(&bench->client, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
							  bench->data[i], bench->plaintext[PRIO_A],
							  &bench->plaintext_size[PRIO_A], bench->plaintext[PRIO_B],
							  &bench->plaintext_size[PRIO_B], bench->scratch, NULL));
}

static void
step_encode(Bench *bench, size_t i)
{
	step_packets(bench, i);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		must(prio1_seal(bench->servers[role].public_key, bench->plaintext[role],
						bench->plaintext_size[role], bench->sealed[role]));
}

static void
step_tables(Bench *bench, size_t i)
{
	Prio1Client client;

	(void) i;
	must(prio1_client_init(&client, bench->n, bench->client_memory, NULL));
}

typedef enum Roles
{
	ROLE_B = 1,
	BOTH_ROLES = 2, /* measured for each */
	NO_ROLE = 4     /* the same for both, or the client's; floor: that of A */
} Roles;

typedef struct Step
{
	const char *name;
	Roles roles;
	void (*run)(Bench *bench, size_t i);
} Step;

/* The first one is the floor. Its ratio to itself shows how noisy the machine is. */
static const Step steps[] = {
	{"floor", BOTH_ROLES, step_floor},
	{"parse", BOTH_ROLES, step_parse},
	{"prg", ROLE_B, step_prg},
	{"dot", BOTH_ROLES, step_dot},
	{"open", BOTH_ROLES, step_open},
	{"load", BOTH_ROLES, step_load},
	{"verify1", BOTH_ROLES, step_verify1},
	{"verify2", BOTH_ROLES, step_verify2},
	{"is_valid", BOTH_ROLES, step_is_valid},
	{"total", BOTH_ROLES, step_total},
	{"context", NO_ROLE, step_context},
	{"packets", NO_ROLE, step_packets},
	{"encode", NO_ROLE, step_encode},
	{"tables", NO_ROLE, step_tables},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool
concerns(const Step *step, PrioRole role)
{
	return step->roles == BOTH_ROLES || role == (step->roles == ROLE_B ? PRIO_B : PRIO_A);
}

/* ------------------------------------------------------------------ set-up */

static uint8_t *
copy_bytes(const uint8_t *bytes, size_t size)
{
	return memcpy(allocate(size), bytes, size);
}

static void
make_server(Bench *bench, PrioRole role)
{
	Server *server = &bench->servers[role];
	uint8_t private_key[PRIO_KEY_BYTES];
	size_t room = prio1_packet_max_plaintext(role, BATCH_ID_SIZE, bench->n);

	must(prio_key_generate(private_key, server->public_key));
	must(prio_key_pair_import(private_key, server->public_key, &server->pair));
	init_context(bench, role, &server->context,
				 allocate_elements(prio_lagrange87_size(bench->n)));
	prio1_total_init(&server->total, role, bench->n, allocate_elements(bench->n));
	/* Unsealing takes room for the whole sealed packet. */
	bench->plaintext[role] = allocate(room + PRIO1_SEAL_OVERHEAD);
	bench->sealed[role] = allocate(room + PRIO1_SEAL_OVERHEAD);
}

/* The packets of client i, and all that the servers make of them. */
static void
make_packets(Bench *bench, size_t i)
{
	Packet *packet[2] = {&bench->servers[PRIO_A].packets[i], &bench->servers[PRIO_B].packets[i]};

	bench->data[i] = allocate_elements(bench->n);
	for (size_t k = 0; k < bench->n; k++)
		bench->data[i][k].lo = (uint64_t) (rand() >> 10) & 1;

	step_encode(bench, i);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		packet[role]->plaintext_size = bench->plaintext_size[role];
		packet[role]->size = packet[role]->plaintext_size + PRIO1_SEAL_OVERHEAD;
		packet[role]->sealed = copy_bytes(bench->sealed[role], packet[role]->size);
		packet[role]->plaintext =
			copy_bytes(bench->plaintext[role], packet[role]->plaintext_size);
		must(prio1_verifier_open(&bench->servers[role].context, bench->servers[role].pair,
								 packet[role]->sealed, packet[role]->size,
								 bench->plaintext[role], &packet[role]->verifier));
		prio1_verifier_store(&packet[role]->verifier, true, packet[role]->stored);
		packet[role]->verify1_size =
			prio1_verifier_verify1(&packet[role]->verifier, packet[role]->verify1);
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
		must(prio1_verifier_verify2(&packet[role]->verifier, packet[PRIO_B - role]->verify1,
									packet[PRIO_B - role]->verify1_size, packet[role]->verify2,
									&packet[role]->verify2_size));
}

static Bench *
make_bench(size_t n, size_t clients)
{
	Bench *bench = allocate(sizeof(Bench));

	bench->n = n;
	bench->domain = prio_lagrange87_domain(n, NULL);
	step_point(bench, 0);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		make_server(bench, (PrioRole) role);
	bench->context_memory = allocate_elements(prio_lagrange87_size(n));
	bench->client_memory = allocate_elements(prio_coset87_size(n));
	must(prio1_client_init(&bench->client, n, allocate_elements(prio_coset87_size(n)), NULL));
	bench->scratch = allocate_elements(prio1_client_scratch_size(n));
	for (size_t i = 0; i < clients; i++)
		make_packets(bench, i);
	return bench;
}

static void
free_bench(Bench *bench)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
		prio_key_pair_free(bench->servers[role].pair);
	while (blocks_used > 0)
		free(blocks[--blocks_used]);
}

/* ------------------------------------------------------------------ measuring */

/* CPU time of this thread, in seconds. */
static double
cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Seconds a call takes, on average over so many. */
static double
sample(Bench *bench, const Step *step, size_t calls)
{
	double start = cpu_time();

	for (size_t i = 0; i < calls; i++)
		step->run(bench, i % CLIENTS);
	return (cpu_time() - start) / (double) calls;
}

/* How many calls fill a sample. */
static size_t
calibrate(Bench *bench, const Step *step)
{
	size_t calls = 1;

	while (sample(bench, step, calls) * (double) calls < SAMPLE_SECONDS)
		calls *= 2;
	return calls;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(double), compare_doubles);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

typedef struct Samples
{
	size_t calls; /* a sample */
	size_t rounds;
	double *seconds; /* a call, one entry for each round */
	double *ratios;
} Samples;

static void
measure_role(Bench *bench, PrioRole role, size_t rounds)
{
	Samples samples[STEPS];

	bench->role = role;
	for (size_t s = 0; s < STEPS; s++)
	{
		double fit;

		if (!concerns(&steps[s], role))
			continue;
		samples[s].calls = calibrate(bench, &steps[s]);
		fit = STEP_SECONDS /
			(sample(bench, &steps[s], samples[s].calls) * (double) samples[s].calls);
		samples[s].rounds = fit >= (double) rounds ? rounds :
			fit < MIN_ROUNDS                       ? MIN_ROUNDS :
													 (size_t) fit;
		samples[s].seconds = allocate(samples[s].rounds * sizeof(double));
		samples[s].ratios = allocate(samples[s].rounds * sizeof(double));
	}

	for (size_t round = 0; round < rounds || round < MIN_ROUNDS; round++)
		for (size_t s = 0; s < STEPS; s++)
			if (concerns(&steps[s], role) && round < samples[s].rounds)
			{
				double floor = sample(bench, &steps[0], samples[0].calls);

				samples[s].seconds[round] = sample(bench, &steps[s], samples[s].calls);
				samples[s].ratios[round] = samples[s].seconds[round] / floor;
			}

	for (size_t s = 0; s < STEPS; s++)
		if (concerns(&steps[s], role))
		{
			double middle = median(samples[s].seconds, samples[s].rounds);

			printf("%s\t%s\t%zu\t%.3f\t%.3f\t%.4f\t%.0f\t%zu\n", steps[s].name,
				   steps[s].roles == NO_ROLE ? "-" :
					   role == PRIO_A        ? "A" :
											   "B",
				   bench->n, 1e6 * samples[s].seconds[0], 1e6 * middle,
				   median(samples[s].ratios, samples[s].rounds), (double) bench->n / middle,
				   samples[s].rounds);
		}
	fflush(stdout);
}

static void
print_times(size_t n, size_t rounds)
{
	Bench *bench = make_bench(n, CLIENTS);

	for (int role = PRIO_A; role <= PRIO_B; role++)
		measure_role(bench, (PrioRole) role, rounds);
	free_bench(bench);
}

/* The largest n has packets of megabytes: one client shows it. */
static void
print_sizes(size_t n)
{
	Bench *bench = make_bench(n, 1);

	printf("%zu\t%zu\t%zu\t%zu\t%zu\n", n, bench->servers[PRIO_A].packets[0].size,
		   bench->servers[PRIO_B].packets[0].size,
		   sizeof(Prio1VerifierContext) + prio_lagrange87_size(n) * sizeof(Field87),
		   sizeof(Prio1Client) +
			   (prio_coset87_size(n) + prio1_client_scratch_size(n)) * sizeof(Field87));
	free_bench(bench);
}

static int
usage(void)
{
	fprintf(stderr,
			"usage: micro [kernels=NAME] times ROUNDS [N ...]\n"
			"       micro sizes [N ...]\n"
			"       micro variant\n"
			"       micro variants\n");
	return 2;
}

int
main(int argc, char **argv)
{
	static const size_t all[] = {8, 32, 128, 441, 1024, 2046, 8191, 65535, PRIO1_MAX_DATA};
	const char *mode;
	bool times;
	size_t rounds;
	int first;
	size_t count;

	if (argc > 1 && strncmp(argv[1], "kernels=", 8) == 0)
	{
		if (!prio_kernels_choose(argv[1] + 8))
		{
			fprintf(stderr, "micro: this processor has no kernels \"%s\"\n", argv[1] + 8);
			return 2;
		}
		argc--;
		argv++;
	}
	mode = argc > 1 ? argv[1] : "";
	times = strcmp(mode, "times") == 0;
	rounds = times && argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	first = times ? 3 : 2;
	count = argc > first ? (size_t) (argc - first) : sizeof(all) / sizeof(all[0]);

	/* The kernels that are in use, or all that there are for this processor. */
	if (strcmp(mode, "variant") == 0)
	{
		printf("%s\n", prio_kernels->name);
		return 0;
	}
	if (strcmp(mode, "variants") == 0)
	{
		for (size_t v = 0; prio_kernels_variant(v) != NULL; v++)
			printf("%s\n", prio_kernels_variant(v)->name);
		return 0;
	}
	if (times ? rounds == 0 : strcmp(mode, "sizes") != 0)
		return usage();

	printf(times ? "step\trole\tn\tbest_us\tmedian_us\tratio\tfields_s\trounds\n" :
				   "n\tpacket_a\tpacket_b\tcontext\tclient\n");
	for (size_t k = 0; k < count; k++)
	{
		size_t n = argc > first ? strtoul(argv[first + (int) k], NULL, 10) : all[k];

		if (n < 1 || n > PRIO1_MAX_DATA)
			return usage();
		if (times)
			print_times(n, rounds);
		else
			print_sizes(n);
	}
	return 0;
}
