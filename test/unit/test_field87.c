/*
 * test_field.c
 *		The field against arithmetic that is too plain to be wrong.
 */
#include "base/secret.h"
#include "harness.h"

#include "reference.h"

#include <stdlib.h>
#include <string.h>

/* Where limbs, bytes, words and the modulus begin and end. */
/* clang-format off */
static const prio_uint128 edges[] = {
	0, 1, 2, 3, 255, 256,
	BIT(18), BIT(19), FIELD87_FOLD - 1, FIELD87_FOLD, FIELD87_FOLD + 1,
	BIT(43) - 1, BIT(43), BIT(43) + 1, BIT(44) - 1, BIT(44), BIT(44) + 1,
	BIT(63), BIT(64) - 1, BIT(64), BIT(80), BIT(86) - 1, BIT(86), BIT(86) + 1,
	BIT(87) - BIT(44), BIT(87) - BIT(44) - 1, BIT(87) - 1, BIT(87), BIT(87) + 1,
	BIT(86) + BIT(18), BIT(86) + BIT(18) + 1, BIT(87) + BIT(18),
	FIELD87_P - BIT(44), FIELD87_P - BIT(43), FIELD87_P - 3, FIELD87_P - 2, FIELD87_P - 1
};
/* clang-format on */

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static prio_uint128
random_value(void)
{
	return field87_to_integer(random_element());
}

static void
assert_value(Field87 a, prio_uint128 value)
{
	assert_true(value < FIELD87_P);
	assert_element(a, slow_element(value));
}

/* ------------------------------------------------------------------ one and two operands */

static void
check_pair(prio_uint128 a, prio_uint128 b)
{
	assert_value(field87_add(slow_element(a), slow_element(b)), slow_add(a, b));
	assert_value(field87_sub(slow_element(a), slow_element(b)), slow_add(a, FIELD87_P - b));
	assert_value(field87_mul(slow_element(a), slow_element(b)), slow_mul(a, b));
	assert_true(field87_equal(slow_element(a), slow_element(b)) == (a == b));
}

static void
sums_differences_and_products_are_right(void **state)
{
	(void) state;
	for (size_t i = 0; i < EDGES; i++)
	{
		for (size_t j = 0; j < EDGES; j++)
			check_pair(edges[i], edges[j]);
		for (int j = 0; j < 100; j++)
		{
			check_pair(edges[i], random_value());
			check_pair(random_value(), edges[i]);
		}
	}
	for (int i = 0; i < 20000; i++)
	{
		prio_uint128 a = random_value();

		check_pair(a, random_value());
		/* Right at the borders where a sum wraps around and a difference turns. */
		check_pair(a, (FIELD87_P - a) % FIELD87_P);
		check_pair(a, FIELD87_P - 1 - a);
		check_pair(a, a);
	}
}

static void
negation_undoes_addition(void **state)
{
	(void) state;
	for (size_t i = 0; i < EDGES; i++)
		assert_value(field87_neg(slow_element(edges[i])), (FIELD87_P - edges[i]) % FIELD87_P);
	for (int i = 0; i < 1000; i++)
	{
		Field87 a = random_element();

		assert_element(field87_add(a, field87_neg(a)), FIELD87_ZERO);
	}
}

static void
constants_are_what_they_say(void **state)
{
	static const uint8_t p[] = {0x80, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0x01};
	uint8_t bytes[FIELD87_BYTES];

	(void) state;
	field87_to_bytes(slow_element(FIELD87_P), bytes);
	assert_memory_equal(bytes, p, FIELD87_BYTES);
	assert_true((prio_uint128) FIELD87_P_LO + ((prio_uint128) FIELD87_P_HI << 44) == FIELD87_P);
	assert_value(slow_element(FIELD87_P - FIELD87_FOLD), BIT(87));
	assert_value(FIELD87_ZERO, 0);
	assert_value(FIELD87_ONE, 1);
	assert_true(slow_add(field87_to_integer(FIELD87_HALF), field87_to_integer(FIELD87_HALF)) ==
				1);
	assert_true(field87_to_integer(FIELD87_HALF) < FIELD87_P);
}

/* A difference in any one bit is seen. */
static void
equality_and_zero_look_at_every_bit(void **state)
{
	Field87 a = random_element();

	(void) state;
	assert_true(field87_is_zero(FIELD87_ZERO));
	assert_true(field87_equal(a, a));
	for (int bit = 0; bit < FIELD87_BITS; bit++)
	{
		Field87 power = slow_element(BIT(bit));

		assert_false(field87_is_zero(power));
		assert_false(field87_equal(a, (Field87){a.lo ^ power.lo, a.hi ^ power.hi}));
	}
}

/* ------------------------------------------------------------------ conversions */

static void
integers_become_elements_and_back(void **state)
{
	(void) state;
	for (size_t i = 0; i < EDGES; i++)
	{
		assert_value(field87_from_integer(edges[i]), edges[i]);
		assert_true(field87_to_integer(slow_element(edges[i])) == edges[i]);
	}
	for (int i = 0; i < 1000; i++)
	{
		prio_uint128 value = random_value();

		assert_value(field87_from_integer(value), value);
		assert_true(field87_to_integer(slow_element(value)) == value);
	}
	/* Not reduced, but both limbs in range. */
	assert_element(field87_from_integer(BIT(88) - 1),
				   ((Field87){FIELD87_LIMB_MASK, FIELD87_LIMB_MASK}));
	/* Limbs beyond their range overlap, and the value counts them fully. */
	assert_true(field87_to_integer((Field87){BIT(44), 0}) == BIT(44));
	assert_true(field87_to_integer((Field87){BIT(63), BIT(50)}) == BIT(63) + BIT(94));
	assert_true(field87_to_integer((Field87){UINT64_MAX, UINT64_MAX}) ==
				UINT64_MAX + BIT(108) - BIT(44));
}

static void
reduced_means_below_the_modulus(void **state)
{
	(void) state;
	for (size_t i = 0; i < EDGES; i++)
		assert_int_equal(field87_is_reduced(slow_element(edges[i])), 1);
	for (prio_uint128 above = 0; above < 1000; above++)
	{
		assert_int_equal(field87_is_reduced(slow_element(FIELD87_P - 1 - above)), 1);
		assert_int_equal(field87_is_reduced(slow_element(FIELD87_P + above)), 0);
	}
	assert_int_equal(field87_is_reduced(slow_element(BIT(88) - 1)), 0);
}

static void
less_compares_values(void **state)
{
	(void) state;
	for (size_t i = 0; i < EDGES; i++)
		for (size_t j = 0; j < EDGES; j++)
			assert_int_equal(field87_less(slow_element(edges[i]), slow_element(edges[j])),
							 edges[i] < edges[j]);
	assert_int_equal(field87_less(slow_element(BIT(88) - 2), slow_element(BIT(88) - 1)), 1);
	assert_int_equal(field87_less(slow_element(BIT(88) - 1), slow_element(BIT(88) - 1)), 0);
	assert_int_equal(field87_less(slow_element(BIT(88) - 1), slow_element(FIELD87_P)), 0);
}

static void
signed_values_wrap_once(void **state)
{
	(void) state;
	assert_value(field87_from_signed(-(prio_int128) FIELD87_P), 0);
	for (size_t i = 0; i < EDGES; i++)
	{
		assert_value(field87_from_signed((prio_int128) edges[i]), edges[i]);
		assert_value(field87_from_signed(-(prio_int128) edges[i]),
					 (FIELD87_P - edges[i]) % FIELD87_P);
	}
}

static void
bytes_are_big_endian(void **state)
{
	static const uint8_t example[] = {0x25, 0x97, 0xc1, 0x4f, 0x48, 0xd5,
									  0xb6, 0x5e, 0xd8, 0xdc, 0xca};
	uint8_t *exact = malloc(FIELD87_BYTES); /* shows a read beyond it */
	uint8_t around[FIELD87_BYTES + 2];

	(void) state;
	memcpy(exact, example, FIELD87_BYTES);
	assert_value(field87_from_bytes(exact),
				 ((prio_uint128) UINT64_C(0x2597c1) << 64) + UINT64_C(0x4f48d5b65ed8dcca));
	assert_true(field87_load_be64(exact + 3) == UINT64_C(0x4f48d5b65ed8dcca));

	for (size_t i = 0; i < EDGES + 1000; i++)
	{
		prio_uint128 value = i < EDGES ? edges[i] : random_value();

		memset(around, 0x5a, sizeof(around));
		field87_to_bytes(slow_element(value), around + 1);
		assert_int_equal(around[0], 0x5a);
		assert_int_equal(around[FIELD87_BYTES + 1], 0x5a);
		for (size_t byte = 0; byte < FIELD87_BYTES; byte++)
			assert_int_equal(around[FIELD87_BYTES - byte], (uint8_t) (value >> (8 * byte)));
		memcpy(exact, around + 1, FIELD87_BYTES);
		assert_value(field87_from_bytes(exact), value);
	}

	memset(exact, 0xff, FIELD87_BYTES);
	assert_element(field87_from_bytes(exact), slow_element(BIT(88) - 1));
	free(exact);
}

/* ------------------------------------------------------------------ unreduced sums */

/* The value of sum after count times a * b; the products are slow but once. */
static void
check_repeated_product(prio_uint128 a, prio_uint128 b, uint64_t count)
{
	Field87Sum sum = {0, 0, 0};

	for (uint64_t i = 0; i < count; i++)
		field87_sum_add_product(&sum, slow_element(a), slow_element(b));
	assert_value(field87_sum_reduce(&sum), slow_mul(slow_mul(a, b), count));
}

/* The largest operands of each kind, as often as FIELD87_SUM_TERMS allows. */
static void
the_most_terms_with_the_largest_operands_fit(void **state)
{
	prio_uint128 both_limbs_large = BIT(87) - 1; /* 2^43 - 1 and 2^44 - 1 */

	(void) state;
	check_repeated_product(FIELD87_P - 1, FIELD87_P - 1, FIELD87_SUM_TERMS);
	check_repeated_product(both_limbs_large, both_limbs_large, FIELD87_SUM_TERMS);
	check_repeated_product(both_limbs_large, FIELD87_P - 1, FIELD87_SUM_TERMS);
	check_repeated_product(BIT(44) - 1, BIT(44) - 1, FIELD87_SUM_TERMS);
	check_repeated_product(BIT(44) - 1, FIELD87_P - 1, FIELD87_SUM_TERMS);
}

/* Sums on the very bounds that Field87Sum and field87_sum_reduce() name. */
static void
sums_on_the_bounds_reduce(void **state)
{
	static const prio_uint128 limbs[] = {0,           1,       BIT(43) - 1, BIT(43),
										 BIT(44) - 1, BIT(44), BIT(88) - 1, BIT(108) - 1};
	static const prio_uint128 tops[] =
		{0,           1,        FIELD87_P / 2, BIT(86) - 1, BIT(86),
		 BIT(86) + 1, BIT(105), BIT(106) - 1,  BIT(106),    BIT(107) - BIT(65)};
	size_t n_limbs = sizeof(limbs) / sizeof(limbs[0]);
	Field87Sum most = {BIT(44) - 1, BIT(44) - 1, BIT(107) - 1};

	(void) state;
	assert_value(field87_sum_reduce(&most), slow_sum(&most));
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
	{
		for (size_t j = 0; j < n_limbs * n_limbs; j++)
		{
			Field87Sum sum = {limbs[j % n_limbs], limbs[j / n_limbs], tops[i]};

			assert_value(field87_sum_reduce(&sum), slow_sum(&sum));
		}
	}
	for (int i = 0; i < 100000; i++)
	{
		Field87Sum sum;

		sum.t0 = ((prio_uint128) test_random() << 44) + test_random();
		sum.t1 = ((prio_uint128) test_random() << 44) + test_random();
		sum.t2 = ((prio_uint128) (test_random() >> 21) << 64) + test_random();
		assert_value(field87_sum_reduce(&sum), slow_sum(&sum));
	}
}

static void
dot_products_are_right_and_add_up(void **state)
{
	static const size_t counts[] = {0, 1, 2, 3, 7, 8, 31, 64, 100, 257};

	(void) state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		/* Of exactly this size, so that a read beyond shows. */
		Field87 *a = malloc(counts[i] * sizeof(Field87));
		Field87 *b = malloc(counts[i] * sizeof(Field87));
		Field87Sum sum = {0, 0, 0};
		prio_uint128 expected = slow_mul(FIELD87_P - 1, 12345);

		field87_sum_add_product(&sum, slow_element(FIELD87_P - 1), slow_element(12345));
		for (size_t j = 0; j < counts[i]; j++)
		{
			a[j] = j % 3 == 0 ? slow_element(edges[j % EDGES]) : random_element();
			b[j] = random_element();
			expected = slow_add(expected,
								slow_mul(field87_to_integer(a[j]), field87_to_integer(b[j])));
		}
		prio_kernels->add_dot(&sum, a, b, counts[i]);
		assert_value(field87_sum_reduce(&sum), expected);
		free(a);
		free(b);
	}
}

static void
the_longest_dot_product_is_right(void **state)
{
	Field87 *a = malloc(FIELD87_SUM_TERMS * sizeof(Field87));
	Field87Sum sum = {0, 0, 0};

	(void) state;
	for (size_t i = 0; i < FIELD87_SUM_TERMS; i++)
		a[i] = slow_element(FIELD87_P - 1);
	prio_kernels->add_dot(&sum, a, a, FIELD87_SUM_TERMS);
	assert_value(field87_sum_reduce(&sum), FIELD87_SUM_TERMS);
	free(a);
}

/* ------------------------------------------------------------------ powers */

static void
powers_are_right(void **state)
{
	static const prio_uint128 exponents[] = {0,
											 1,
											 2,
											 3,
											 4,
											 5,
											 255,
											 BIT(19),
											 BIT(64) - 1,
											 BIT(64),
											 FIELD87_P - 2,
											 FIELD87_P - 1,
											 FIELD87_P,
											 BIT(127),
											 ~(prio_uint128) 0};

	(void) state;
	for (size_t i = 0; i < EDGES; i++)
		for (size_t j = 0; j < sizeof(exponents) / sizeof(exponents[0]); j++)
			assert_value(prio_field87_pow(slow_element(edges[i]), exponents[j]),
						 slow_pow(edges[i], exponents[j]));
	assert_value(prio_field87_pow(FIELD87_ZERO, 0), 1);
	assert_value(prio_field87_pow(FIELD87_ZERO, 1), 0);
}

static void
inverses_are_right(void **state)
{
	(void) state;
	assert_value(prio_field87_inv(FIELD87_ZERO), 0);
	for (size_t i = 0; i < EDGES + 200; i++)
	{
		prio_uint128 value = i < EDGES ? edges[i] : random_value();

		if (value != 0)
			assert_true(
				slow_mul(value, field87_to_integer(prio_field87_inv(slow_element(value)))) == 1);
	}
}

/*
 * Of order 2^k exactly, each the square of the next, the last one g (docs/protocol.md,
 * "Parameters").
 */
static void
roots_have_their_order(void **state)
{
	(void) state;
	assert_value(prio_field87_root(FIELD87_TWO_ADICITY),
				 ((prio_uint128) UINT64_C(0x2597c1) << 64) + UINT64_C(0x4f48d5b65ed8dcca));
	assert_value(prio_field87_root(0), 1);
	for (int log_order = 1; log_order <= FIELD87_TWO_ADICITY; log_order++)
	{
		prio_uint128 root = field87_to_integer(prio_field87_root(log_order));

		assert_true(slow_pow(root, BIT(log_order - 1)) == FIELD87_P - 1);
		assert_value(prio_field87_root(log_order - 1), slow_mul(root, root));
	}
}

/* ------------------------------------------------------------------ memory */

static void
wiping_leaves_zeros_and_its_neighbours_alone(void **state)
{
	uint8_t memory[100];

	(void) state;
	memset(memory, 0xaa, sizeof(memory));
	prio_wipe(memory + 1, 98);
	assert_filled(memory + 1, 98, 0);
	assert_int_equal(memory[0], 0xaa);
	assert_int_equal(memory[99], 0xaa);
	prio_wipe(memory, 0);
	assert_int_equal(memory[0], 0xaa);
	prio_wipe(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_are_what_they_say),
		cmocka_unit_test(sums_differences_and_products_are_right),
		cmocka_unit_test(negation_undoes_addition),
		cmocka_unit_test(equality_and_zero_look_at_every_bit),
		cmocka_unit_test(integers_become_elements_and_back),
		cmocka_unit_test(reduced_means_below_the_modulus),
		cmocka_unit_test(less_compares_values),
		cmocka_unit_test(signed_values_wrap_once),
		cmocka_unit_test(bytes_are_big_endian),
		cmocka_unit_test(the_most_terms_with_the_largest_operands_fit),
		cmocka_unit_test(sums_on_the_bounds_reduce),
		cmocka_unit_test(dot_products_are_right_and_add_up),
		cmocka_unit_test(the_longest_dot_product_is_right),
		cmocka_unit_test(powers_are_right),
		cmocka_unit_test(inverses_are_right),
		cmocka_unit_test(roots_have_their_order),
		cmocka_unit_test(wiping_leaves_zeros_and_its_neighbours_alone),
	};
	const char *title;
	int failed = 0;

	while ((title = next_kernels("field")) != NULL)
		failed += cmocka_run_group_tests_name(title, tests, NULL, NULL);
	return failed;
}
