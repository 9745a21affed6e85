/*
 * test_field128.c
 *		Field128 against the definition, multiplied bit by bit.
 */
#include "harness.h"

#include "field/field128.h"

#define P FIELD128_P

static prio_uint128
slow_add(prio_uint128 a, prio_uint128 b)
{
	/* a, b < p: the sum is below p, or p can be taken from it before it overflows. */
	return a >= P - b ? a - (P - b) : a + b;
}

static prio_uint128
slow_mul(prio_uint128 a, prio_uint128 b)
{
	prio_uint128 product = 0;

	for (int bit = 127; bit >= 0; bit--)
	{
		product = slow_add(product, product);
		if (b >> bit & 1)
			product = slow_add(product, a);
	}
	return product;
}

static prio_uint128
stressful(void)
{
	static const uint64_t edges[] =
		{0, 1, 27, 28, 29, UINT64_MAX, UINT64_MAX - 27, UINT64_MAX - 28, UINT64_C(1) << 63};
	uint64_t limb[2];

	for (int i = 0; i < 2; i++)
	{
		limb[i] = test_random();
		if (test_random() % 2 == 0)
			limb[i] = edges[test_random() % (sizeof(edges) / sizeof(edges[0]))];
	}
	return ((prio_uint128) limb[1] << 64 | limb[0]) % P;
}

static void
assert_value(Field128 a, prio_uint128 expected)
{
	assert_true(field128_is_reduced(a));
	assert_true(field128_to_integer(a) == expected);
}

static void
arithmetic(void **state)
{
	(void) state;
	for (int i = 0; i < 50000; i++)
	{
		prio_uint128 a = i == 0 ? P - 1 : stressful();
		prio_uint128 b = i == 0 ? P - 1 : stressful();
		Field128 x = field128_split(a);
		Field128 y = field128_split(b);

		assert_value(x, a);
		assert_value(field128_add(x, y), slow_add(a, b));
		assert_value(field128_sub(x, y), slow_add(a, b == 0 ? 0 : P - b));
		assert_value(field128_neg(x), a == 0 ? 0 : P - a);
		assert_value(field128_mul(x, y), slow_mul(a, b));
		assert_value(field128_from_integer(~a), ~a % P);
	}
}

static void
sums_of_products(void **state)
{
	(void) state;
	for (int round = 0; round < 1000; round++)
	{
		size_t terms = test_random() % 50;
		Field128Sum sum = {0};
		prio_uint128 expected = 0;

		for (size_t i = 0; i < terms; i++)
		{
			prio_uint128 a = round % 2 == 0 ? P - 1 : stressful();
			prio_uint128 b = round % 2 == 0 ? P - 1 : stressful();

			field128_sum_add_product(&sum, field128_split(a), field128_split(b));
			field128_sum_add(&sum, field128_split(b));
			expected = slow_add(expected, slow_add(slow_mul(a, b), b));
		}
		assert_value(field128_sum_reduce(&sum), expected);
	}
}

static prio_uint128
stressful_word(void)
{
	uint64_t high = test_random();

	return test_random() % 3 == 0 ? -(prio_uint128) (test_random() % 2) :
									(prio_uint128) high << 64 | test_random();
}

/* Any sums and carries within the bounds. */
static void
reduction_of_sums(void **state)
{
	prio_uint128 x = (prio_uint128) 1 << 64;
	prio_uint128 x2 = slow_mul(x, x);

	(void) state;
	for (int i = 0; i < 30000; i++)
	{
		Field128Sum sum;
		prio_uint128 carries;
		prio_uint128 expected;

		sum.low = stressful_word();
		sum.mid = stressful_word();
		sum.high = stressful_word();
		sum.low_carries = (uint64_t) stressful_word() & (2 * FIELD128_SUM_TERMS - 1);
		sum.mid_carries = (uint64_t) stressful_word() & (2 * FIELD128_SUM_TERMS - 1);
		sum.high_carries = (uint64_t) stressful_word() & (2 * FIELD128_SUM_TERMS - 1);
		carries = slow_add(slow_mul(slow_mul(sum.high_carries, x2), x2),
						   slow_add(slow_mul(slow_mul(sum.mid_carries, x2), x),
									slow_mul(sum.low_carries, x2)));
		expected = slow_add(sum.low % P, slow_mul(sum.mid % P, x));
		expected = slow_add(expected, slow_mul(sum.high % P, x2));
		assert_value(field128_sum_reduce(&sum), slow_add(expected, carries));
	}
}

static void
bytes(void **state)
{
	uint8_t encoded[FIELD128_BYTES];

	(void) state;
	field128_store(encoded,
				   (Field128){UINT64_C(0x090a0b0c0d0e0f10), UINT64_C(0x0102030405060708)});
	for (int i = 0; i < 16; i++)
		assert_int_equal(encoded[i], 16 - i);
	assert_int_equal(field128_load(encoded).lo, UINT64_C(0x090a0b0c0d0e0f10));
	assert_int_equal(field128_load(encoded).hi, UINT64_C(0x0102030405060708));
	assert_int_equal(field128_is_reduced(field128_split(P - 1)), 1);
	assert_int_equal(field128_is_reduced(field128_split(P)), 0);
	assert_int_equal(field128_is_reduced(field128_split(~(prio_uint128) 0)), 0);
	assert_true(field128_is_zero(FIELD128_ZERO));
	assert_false(field128_is_zero(FIELD128_ONE));
	assert_value(field128_add(FIELD128_HALF, FIELD128_HALF), 1);
}

/* docs/prio3.md, "Fields": orders 2 to 256. */
static void
roots(void **state)
{
	static const Field128 expected[] =
		{{1, 0},
		 {UINT64_C(0x0000000000000000), UINT64_C(0xffffffffffffffe4)},
		 {UINT64_C(0x03fc828afa9f535f), UINT64_C(0xdf4981abeb6a99b8)},
		 {UINT64_C(0x72e9a4dd30ccc31d), UINT64_C(0x68ed3c9331b205f0)},
		 {UINT64_C(0x4eac042af4bf3f14), UINT64_C(0xd1208f148ee09c16)},
		 {UINT64_C(0x2fc12a57038894ec), UINT64_C(0x7bf5325878846142)},
		 {UINT64_C(0x124e7ea4c07ab879), UINT64_C(0x357bbd2474e55a8f)},
		 {UINT64_C(0xf1f701f7a1a637f3), UINT64_C(0x8dad92cf5f0e8df7)},
		 {UINT64_C(0x8412c360a93fdae7), UINT64_C(0x944ffd210f2a8f87)}};

	(void) state;
	for (int log = 0; log <= 8; log++)
		assert_value(prio_field128_root(log), field128_to_integer(expected[log]));
	assert_value(prio_field128_pow(prio_field128_root(66), (prio_uint128) 1 << 65), P - 1);
	assert_value(prio_field128_pow((Field128){7, 0}, UINT64_C(4611686018427387897)),
				 field128_to_integer(prio_field128_root(66)));
	assert_value(prio_field128_pow((Field128){12345, 6}, P - 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(sums_of_products),
		cmocka_unit_test(reduction_of_sums),
		cmocka_unit_test(bytes),
		cmocka_unit_test(roots),
	};

	return cmocka_run_group_tests_name("field128", tests, NULL, NULL);
}
