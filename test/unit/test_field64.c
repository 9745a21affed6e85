/*
 * test_field64.c
 *		Field64 against the definition: integers of 128 bits and the operator %.
 */
#include "harness.h"

#include "field/field64.h"

#define P FIELD64_P

/* Every other one stresses the bounds. */
static Field64
stressful(void)
{
	static const uint64_t edges[] = {0,
									 1,
									 2,
									 P - 1,
									 P - 2,
									 FIELD64_EPSILON,
									 FIELD64_EPSILON + 1,
									 UINT64_C(1) << 63,
									 UINT64_C(0x8000000080000000),
									 UINT64_C(0xfffffffe00000001),
									 UINT64_C(0xfffffffeffffffff)};
	uint64_t value = test_random();

	if (test_random() % 2 == 0)
		value = edges[test_random() % (sizeof(edges) / sizeof(edges[0]))];
	return (Field64){value % P};
}

static void
arithmetic(void **state)
{
	(void) state;
	for (int i = 0; i < 200000; i++)
	{
		Field64 a = stressful();
		Field64 b = stressful();

		assert_int_equal(field64_add(a, b).value,
						 (uint64_t) (((prio_uint128) a.value + b.value) % P));
		assert_int_equal(field64_sub(a, b).value,
						 (uint64_t) (((prio_uint128) a.value + P - b.value) % P));
		assert_int_equal(field64_neg(a).value, (P - a.value) % P);
		assert_int_equal(field64_mul(a, b).value,
						 (uint64_t) ((prio_uint128) a.value * b.value % P));
	}
}

static void
wide_reduction(void **state)
{
	(void) state;
	for (int i = 0; i < 200000; i++)
	{
		uint64_t high = i % 3 == 0 ? UINT64_MAX - test_random() % 4 : test_random();
		uint64_t low = i % 5 == 0 ? test_random() % 4 : test_random();
		prio_uint128 value = (prio_uint128) high << 64 | low;

		assert_int_equal(field64_from_wide(value).value, (uint64_t) (value % P));
		assert_int_equal(field64_from_integer(high).value, high % P);
	}
}

static void
sums_of_products(void **state)
{
	const Field64 largest = {P - 1};

	(void) state;
	for (int round = 0; round < 2000; round++)
	{
		size_t terms = test_random() % 100;
		Field64Sum sum = {0, 0};
		uint64_t expected = 0;

		for (size_t i = 0; i < terms; i++)
		{
			Field64 a = round % 2 == 0 ? largest : stressful();
			Field64 b = round % 2 == 0 ? largest : stressful();

			field64_sum_add_product(&sum, a, b);
			field64_sum_add(&sum, b);
			expected =
				(uint64_t) (((prio_uint128) a.value * b.value % P + expected + b.value) % P);
		}
		assert_int_equal(field64_sum_reduce(&sum).value, expected);
	}
	{
		/* The largest sum there is. */
		Field64Sum sum = {~(prio_uint128) 0, UINT64_MAX};
		prio_uint128 r64 = FIELD64_EPSILON; /* 2^64 */
		prio_uint128 r128 = r64 * r64 % P;
		prio_uint128 expected = ((prio_uint128) UINT64_MAX % P * r128 % P + r128 + P - 1) % P;

		assert_int_equal(field64_sum_reduce(&sum).value, (uint64_t) expected);
	}
}

static void
bytes(void **state)
{
	uint8_t encoded[FIELD64_BYTES];

	(void) state;
	field64_store(encoded, (Field64){UINT64_C(0x0102030405060708)});
	for (int i = 0; i < 8; i++)
		assert_int_equal(encoded[i], 8 - i);
	assert_int_equal(field64_load(encoded).value, UINT64_C(0x0102030405060708));
	assert_int_equal(field64_is_reduced((Field64){P - 1}), 1);
	assert_int_equal(field64_is_reduced((Field64){P}), 0);
	assert_int_equal(field64_is_reduced((Field64){UINT64_MAX}), 0);
	assert_true(field64_is_zero(FIELD64_ZERO));
	assert_false(field64_is_zero(FIELD64_ONE));
	assert_int_equal(field64_add(FIELD64_HALF, FIELD64_HALF).value, 1);
}

/* docs/prio3.md, "Fields": orders 2 to 256. */
static void
roots(void **state)
{
	static const uint64_t expected[] = {1,
										UINT64_C(0xffffffff00000000),
										UINT64_C(0x0001000000000000),
										UINT64_C(0xfffffffeff000001),
										UINT64_C(0xefffffff00000001),
										UINT64_C(0x00003fffffffc000),
										UINT64_C(0x0000008000000000),
										UINT64_C(0xf80007ff08000001),
										UINT64_C(0xbf79143ce60ca966)};

	(void) state;
	for (int log = 0; log <= 8; log++)
		assert_int_equal(prio_field64_root(log).value, expected[log]);
	assert_int_equal(prio_field64_pow(prio_field64_root(32), UINT64_C(1) << 31).value, P - 1);
	assert_int_equal(prio_field64_pow((Field64){7}, UINT64_C(0xffffffff)).value,
					 prio_field64_root(32).value);
	assert_int_equal(prio_field64_pow((Field64){12345}, P - 1).value, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(wide_reduction),
		cmocka_unit_test(sums_of_products),
		cmocka_unit_test(bytes),
		cmocka_unit_test(roots),
	};

	return cmocka_run_group_tests_name("field64", tests, NULL, NULL);
}
