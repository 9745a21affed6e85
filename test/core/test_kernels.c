/*
 * test_kernels.c
 *		Every variant that this processor has does what the portable one does, and that
 *		one what the formula says.
 */
#include "harness.h"

#include "kernels.h"
#include "reference.h"

#include <stdlib.h>

/* Elements that stress the bounds now and then: p - 1, and limbs of ones. */
static FieldElement
stressful_element(void)
{
	switch (test_random() % 8)
	{
		case 0:
			return (FieldElement){FIELD_P_LO - 1, FIELD_P_HI};
		case 1:
			return (FieldElement){FIELD_LIMB_MASK, FIELD_P_HI - 1};
		case 2:
			return FIELD_ZERO;
		default:
			return random_element();
	}
}

static void
dot_products_agree(void **state)
{
	/* Around the widths of registers, and beyond what a register can add up. */
	static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 100, 4099, 70001};
	size_t variants;
	const Kernels *const *variant = kernels_available(&variants);
	FieldElement *a = malloc(70001 * sizeof(FieldElement));
	FieldElement *b = malloc(70001 * sizeof(FieldElement));

	(void) state;
	assert_string_equal(variant[0]->name, "portable");
	assert_ptr_equal(kernels, variant[variants - 1]);
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
	{
		FieldElement expected = FIELD_ONE;

		for (size_t i = 0; i < counts[c]; i++)
		{
			a[i] = stressful_element();
			b[i] = stressful_element();
			expected = field_add(expected, field_mul(a[i], b[i]));
		}
		for (size_t v = 0; v < variants; v++)
		{
			FieldSum sum = {1, 0, 0};

			variant[v]->add_dot(&sum, a, b, counts[c]);
			assert_element(field_sum_reduce(&sum), expected);
		}
	}

	/* Nothing but the largest element, as often as the longest vector has it. */
	for (size_t i = 0; i < 70001; i++)
		a[i] = (FieldElement){FIELD_P_LO - 1, FIELD_P_HI};
	for (size_t v = 0; v < variants; v++)
	{
		FieldSum sum = {0, 0, 0};

		for (int i = 0; i < 7; i++)
			variant[v]->add_dot(&sum, a, a, 70001);
		/* (p - 1)^2 = 1 */
		assert_element(field_sum_reduce(&sum), field_from_integer(7 * 70001));
	}
	free(a);
	free(b);
}

/* The integers around p and 2^87, which random bytes never hit. */
static void
write_edge(uint8_t *bytes, uint64_t which)
{
	static const uint128 edges[] = {FIELD_P,
									FIELD_P - 1,
									FIELD_P + 1,
									(uint128) 1 << 87,
									((uint128) 1 << 87) - 1,
									((uint128) 1 << 87) + ((uint128) 1 << 44),
									((uint128) 1 << 88) - 1,
									0};
	uint8_t big_endian[FIELD_BYTES];

	field_to_bytes(field_from_integer(edges[which % 8]), big_endian);
	memcpy(bytes + 1, big_endian + 1, FIELD_BYTES - 1);
	bytes[FIELD_BYTES] = big_endian[0];
}

static void
rejections_agree(void **state)
{
	enum
	{
		MAX_TRIES = 600
	};
	size_t variants;
	const Kernels *const *variant = kernels_available(&variants);
	FieldElement expected[MAX_TRIES];

	(void) state;
	for (size_t round = 0; round < 2000; round++)
	{
		size_t tries = round < MAX_TRIES ? round : test_random() % MAX_TRIES;
		/* Exactly so much memory, for the sanitizer to watch. */
		uint8_t *bytes = malloc(tries * TRY_BYTES + 1);
		FieldElement *out = malloc((tries + ACCEPT_SLACK) * sizeof(FieldElement));
		size_t count;

		for (size_t i = 0; i < tries * TRY_BYTES; i++)
			bytes[i] = (uint8_t) (test_random() >> 32);
		for (size_t i = 0; i < tries; i += 1 + test_random() % 20)
			write_edge(bytes + i * TRY_BYTES, test_random() >> 32);
		count = slow_accept(bytes, tries, expected);
		for (size_t v = 0; v < variants; v++)
		{
			assert_int_equal(variant[v]->accept(bytes, tries, out), count);
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
