/*
 * test_kernels.c
 *		Every variant that this processor has does what the portable one does, and that
 *		one what the formula says.
 */
#include "harness.h"

#include "kernels/kernels.h"
#include "reference.h"

#include <stdlib.h>

/* Elements that stress the bounds now and then: p - 1, and limbs of ones. */
static Field87
stressful_element(void)
{
	switch (test_random() % 8)
	{
		case 0:
			return (Field87){FIELD87_P_LO - 1, FIELD87_P_HI};
		case 1:
			return (Field87){FIELD87_LIMB_MASK, FIELD87_P_HI - 1};
		case 2:
			return FIELD87_ZERO;
		default:
			return random_element();
	}
}

static void
dot_products_agree(void **state)
{
	/* Around the widths of registers, and beyond what a register can add up. */
	static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 100, 4099, 70001};
	const PrioKernels *variant;
	Field87 *a = malloc(70001 * sizeof(Field87));
	Field87 *b = malloc(70001 * sizeof(Field87));

	(void) state;
	assert_string_equal(prio_kernels_variant(0)->name, "portable");
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
	{
		Field87 expected = FIELD87_ONE;

		for (size_t i = 0; i < counts[c]; i++)
		{
			a[i] = stressful_element();
			b[i] = stressful_element();
			expected = field87_add(expected, field87_mul(a[i], b[i]));
		}
		for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
		{
			Field87Sum sum = {1, 0, 0};

			variant->add_dot(&sum, a, b, counts[c]);
			assert_element(field87_sum_reduce(&sum), expected);
		}
	}

	/* Nothing but the largest element, as often as the longest vector has it. */
	for (size_t i = 0; i < 70001; i++)
		a[i] = (Field87){FIELD87_P_LO - 1, FIELD87_P_HI};
	for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
	{
		Field87Sum sum = {0, 0, 0};

		for (int i = 0; i < 7; i++)
			variant->add_dot(&sum, a, a, 70001);
		/* (p - 1)^2 = 1 */
		assert_element(field87_sum_reduce(&sum), field87_from_integer(7 * 70001));
	}
	free(a);
	free(b);
}

/* The integers around p and 2^87, which random bytes never hit. */
static void
write_edge(uint8_t *bytes, uint64_t which)
{
	static const prio_uint128 edges[] = {FIELD87_P,
										 FIELD87_P - 1,
										 FIELD87_P + 1,
										 (prio_uint128) 1 << 87,
										 ((prio_uint128) 1 << 87) - 1,
										 ((prio_uint128) 1 << 87) + ((prio_uint128) 1 << 44),
										 ((prio_uint128) 1 << 88) - 1,
										 0};
	uint8_t big_endian[FIELD87_BYTES];

	field87_to_bytes(field87_from_integer(edges[which % 8]), big_endian);
	memcpy(bytes + 1, big_endian + 1, FIELD87_BYTES - 1);
	bytes[FIELD87_BYTES] = big_endian[0];
}

static void
rejections_agree(void **state)
{
	enum
	{
		MAX_CANDIDATES = 600
	};
	const PrioKernels *variant;
	Field87 expected[MAX_CANDIDATES];

	(void) state;
	for (size_t round = 0; round < 2000; round++)
	{
		size_t candidates = round < MAX_CANDIDATES ? round : test_random() % MAX_CANDIDATES;
		/* Exactly so much memory, for the sanitizer to watch. */
		uint8_t *bytes = malloc(candidates * FIELD87_CANDIDATE_BYTES + 1);
		Field87 *out = malloc((candidates + KERNELS_ACCEPT_SLACK) * sizeof(Field87));
		size_t count;

		for (size_t i = 0; i < candidates * FIELD87_CANDIDATE_BYTES; i++)
			bytes[i] = (uint8_t) (test_random() >> 32);
		for (size_t i = 0; i < candidates; i += 1 + test_random() % 20)
			write_edge(bytes + i * FIELD87_CANDIDATE_BYTES, test_random() >> 32);
		count = slow_accept(bytes, candidates, expected);
		for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
		{
			assert_int_equal(variant->accept(bytes, candidates, out), count);
			for (size_t i = 0; i < count; i++)
				assert_element(out[i], expected[i]);
		}
		free(bytes);
		free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dot_products_agree),
		cmocka_unit_test(rejections_agree),
	};

	return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
