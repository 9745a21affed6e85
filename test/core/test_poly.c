/*
 * test_poly.c
 *		Lagrange weights and the client's transform against their definitions.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ helpers */

/* The powers 1, w, w^2 .. of the root of unity of this order; free() them. */
static FieldElement *
powers_of_root(size_t order)
{
	FieldElement *powers = malloc(order * sizeof(FieldElement));
	FieldElement root;
	int log_order = 0;

	while ((size_t) 1 << log_order < order)
		log_order++;
	root = field_root(log_order);
	powers[0] = FIELD_ONE;
	for (size_t i = 1; i < order; i++)
		powers[i] = field_mul(powers[i - 1], root);
	return powers;
}

/*
 * The value at r of the polynomial that is 1 at point i and 0 at the others: the product
 * of (r - w^j) / (w^i - w^j). It needs no exception for roots of unity, which
 * poly_weights() does.
 */
static FieldElement
basis_at(const FieldElement *points, size_t order, size_t i, FieldElement r)
{
	FieldElement numerator = FIELD_ONE;
	FieldElement denominator = FIELD_ONE;

	for (size_t j = 0; j < order; j++)
	{
		if (j == i)
			continue;
		numerator = field_mul(numerator, field_sub(r, points[j]));
		denominator = field_mul(denominator, field_sub(points[i], points[j]));
	}
	return field_mul(numerator, field_inv(denominator));
}

/* Horner; coefficients from the constant one up. */
static FieldElement
evaluate(const FieldElement *coefficients, size_t count, FieldElement x)
{
	FieldElement value = FIELD_ZERO;

	for (size_t i = count; i-- > 0;)
		value = field_add(field_mul(value, x), coefficients[i]);
	return value;
}

/* All weights for n data fields at r; the memory is of exactly the promised size. */
static FieldElement *
make_weights(LagrangeWeights *weights, size_t n, FieldElement r)
{
	FieldElement *memory = malloc(poly_weights_size(n) * sizeof(FieldElement));

	/* Garbage that is no element: what is not written shows. */
	memset(memory, 0xee, poly_weights_size(n) * sizeof(FieldElement));
	assert_ok(poly_weights(weights, n, r, memory, NULL));
	assert_int_equal(weights->n, n);
	assert_int_equal(weights->domain, poly_domain(n, NULL));
	return memory;
}

static void
check_weights(size_t n, FieldElement r)
{
	size_t domain = poly_domain(n, NULL);
	FieldElement *points = powers_of_root(domain);
	FieldElement *points_2n = powers_of_root(2 * domain);
	FieldElement sum = FIELD_ZERO;
	LagrangeWeights weights;
	FieldElement *memory = make_weights(&weights, n, r);

	assert_element(weights.data_0, basis_at(points, domain, 0, r));
	for (size_t i = 1; i <= n; i++)
	{
		assert_element(weights.data[i - 1], basis_at(points, domain, i, r));
		sum = field_add(sum, weights.data[i - 1]);
	}
	assert_element(weights.data_sum, sum);
	assert_element(weights.h_0, basis_at(points_2n, 2 * domain, 0, r));
	for (size_t i = 0; i < domain; i++)
		assert_element(weights.h[i], basis_at(points_2n, 2 * domain, 2 * i + 1, r));
	free(memory);
	free(points);
	free(points_2n);
}

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 100};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* ------------------------------------------------------------------ weights */

static void
the_domain_is_the_smallest_power_of_two_above_n(void **state)
{
	static const struct
	{
		size_t n;
		size_t domain;
		int log_size;
	} cases[] = {{1, 2, 1},
				 {2, 4, 2},
				 {3, 4, 2},
				 {4, 8, 3},
				 {7, 8, 3},
				 {8, 16, 4},
				 {2046, 2048, 11},
				 {2047, 2048, 11},
				 {2048, 4096, 12},
				 {131071, 131072, 17},
				 {131072, 262144, 18},
				 {PRIO_MAX_DATA, 262144, 18}};

	(void) state;
	assert_int_equal(PRIO_MAX_DATA, 262143);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int log_size = -1;

		assert_int_equal(poly_domain(cases[i].n, &log_size), cases[i].domain);
		assert_int_equal(log_size, cases[i].log_size);
		assert_int_equal(poly_domain(cases[i].n, NULL), cases[i].domain);
		assert_int_equal(poly_weights_size(cases[i].n), cases[i].n + cases[i].domain);
		assert_int_equal(poly_coset_size(cases[i].n), 2 * cases[i].domain);
	}
}

static void
weights_are_the_lagrange_basis(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		for (int j = 0; j < 5; j++)
			check_weights(sizes[i], random_element());
		check_weights(sizes[i], FIELD_ZERO);
		check_weights(sizes[i], (FieldElement){sizes[i] + 2, 0});
	}
}

/* Where r is a point of one of the domains, or of both, the general formula divides 0 by 0. */
static void
weights_at_every_root_of_unity_are_the_lagrange_basis(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		size_t order = 2 * poly_domain(sizes[i], NULL);
		FieldElement *roots = powers_of_root(order);

		for (size_t j = 0; j < order; j++)
			check_weights(sizes[i], roots[j]);
		free(roots);
	}
}

/*
 * The largest n, where the definition is too slow: f of low degree, and h = (x^N - 1) q
 * with q of low degree, which is 0 at the even powers and -2 q at the odd ones.
 */
static void
check_largest_weights(FieldElement r)
{
	size_t n = PRIO_MAX_DATA;
	size_t domain = n + 1;
	FieldElement *roots = powers_of_root(2 * domain);
	FieldElement minus_two = field_neg((FieldElement){2, 0});
	FieldElement f_value = FIELD_ZERO;
	FieldElement h_value = FIELD_ZERO;
	FieldElement coefficients[7];
	LagrangeWeights weights;
	FieldElement *memory = make_weights(&weights, n, r);

	for (size_t i = 0; i < 7; i++)
		coefficients[i] = random_element();
	for (size_t i = 0; i < domain; i++)
	{
		FieldElement f = evaluate(coefficients, 7, roots[2 * i]);
		FieldElement h = field_mul(minus_two, evaluate(coefficients, 7, roots[2 * i + 1]));
		FieldElement f_weight = i == 0 ? weights.data_0 : weights.data[i - 1];

		f_value = field_add(f_value, field_mul(f_weight, f));
		h_value = field_add(h_value, field_mul(weights.h[i], h));
	}
	assert_element(f_value, evaluate(coefficients, 7, r));
	assert_element(h_value,
				   field_mul(field_sub(field_pow(r, domain), FIELD_ONE),
							 evaluate(coefficients, 7, r)));

	/* No point is left out, so that the basis of f sums up to 1. */
	assert_element(field_add(weights.data_0, weights.data_sum), FIELD_ONE);
	/* m_0(r) 2N (r - 1) = r^2N - 1 */
	assert_element(field_mul(field_mul(weights.h_0, (FieldElement){2 * domain, 0}),
							 field_sub(r, FIELD_ONE)),
				   field_sub(field_pow(r, 2 * domain), FIELD_ONE));
	free(memory);
	free(roots);
}

static void
the_largest_weights_evaluate_polynomials(void **state)
{
	FieldElement root = field_root(FIELD_TWO_ADICITY);

	(void) state;
	check_largest_weights(random_element());
	check_largest_weights(root); /* the points of h only */
	check_largest_weights(field_pow(root, 262145));
	check_largest_weights(field_pow(root, 4098));            /* those of f too */
	check_largest_weights(field_inv(field_mul(root, root))); /* the last of f */
}

/* ------------------------------------------------------------------ the transform */

/* Tables in memory of exactly the promised size, which the caller frees. */
static FieldElement *
make_transform(CosetTransform *transform, size_t n)
{
	FieldElement *memory = malloc(poly_coset_size(n) * sizeof(FieldElement));

	assert_ok(poly_coset_init(transform, n, memory, NULL));
	assert_int_equal(transform->domain, poly_domain(n, NULL));
	return memory;
}

/* count coefficients, evaluated at the powers of w_N, must come out at the odd ones of w_2N. */
static void
check_transform(size_t n, const FieldElement *coefficients, size_t count)
{
	size_t domain = poly_domain(n, NULL);
	FieldElement *roots = powers_of_root(2 * domain);
	FieldElement *values = malloc(domain * sizeof(FieldElement));
	CosetTransform transform;
	FieldElement *memory = make_transform(&transform, n);

	for (size_t i = 0; i < domain; i++)
		values[i] = evaluate(coefficients, count, roots[2 * i]);
	assert_ok(poly_to_odd_powers(&transform, values, NULL));
	for (size_t i = 0; i < domain; i++)
		assert_element(values[i], evaluate(coefficients, count, roots[2 * i + 1]));
	free(memory);
	free(values);
	free(roots);
}

static void
the_transform_evaluates_at_the_odd_powers(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		size_t domain = poly_domain(sizes[i], NULL);
		FieldElement *coefficients = malloc(domain * sizeof(FieldElement));

		for (size_t j = 0; j < domain; j++)
			coefficients[j] = random_element();
		check_transform(sizes[i], coefficients, domain);

		/* One coefficient at a time: which one goes where. */
		for (size_t j = 0; j < domain; j++)
		{
			memset(coefficients, 0, domain * sizeof(FieldElement));
			coefficients[j] = field_neg(FIELD_ONE);
			check_transform(sizes[i], coefficients, domain);
		}
		free(coefficients);
	}
}

static void
the_largest_transform_evaluates_at_the_odd_powers(void **state)
{
	FieldElement coefficients[5];

	(void) state;
	for (size_t i = 0; i < 5; i++)
		coefficients[i] = random_element();
	check_transform(PRIO_MAX_DATA, coefficients, 5);
}

/* ------------------------------------------------------------------ interruption */

/*
 * A computation ends itself when it writes an element that was zero: so it stops in the
 * middle, at the same place every time.
 */
static FieldElement *watched;

static bool
is_written(void)
{
	return !field_is_zero(*watched);
}

static PrioStop
stop_after_writing(FieldElement *element)
{
	*element = FIELD_ZERO;
	watched = element;
	return is_written;
}

static void
weights_stop_in_either_pass(void **state)
{
	size_t n = 100000;
	FieldElement *memory = calloc(poly_weights_size(n), sizeof(FieldElement));
	FieldElement *last = memory + poly_weights_size(n) - 1;
	LagrangeWeights weights;

	(void) state;
	/* Early on the way up, so that it does not get to the last weight. */
	assert_status(poly_weights(&weights, n, random_element(), memory, stop_now),
				  PRIO_INTERRUPTED);
	assert_true(field_is_zero(*last));
	/* On the way down: the way up ends with writing that one. */
	assert_status(poly_weights(&weights, n, random_element(), memory, stop_after_writing(last)),
				  PRIO_INTERRUPTED);
	assert_false(field_is_zero(*last));
	free(memory);
}

static void
transforms_stop_in_either_half(void **state)
{
	size_t n = 100000;
	size_t domain = poly_domain(n, NULL);
	FieldElement *memory = calloc(poly_coset_size(n), sizeof(FieldElement));
	FieldElement *values = calloc(domain, sizeof(FieldElement));
	CosetTransform transform;

	(void) state;
	/* The tables: the roots come first, the shift last. */
	assert_status(poly_coset_init(&transform, n, memory, stop_now), PRIO_INTERRUPTED);
	assert_true(field_is_zero(memory[domain / 2 - 1]));
	assert_status(poly_coset_init(&transform, n, memory,
								  stop_after_writing(&memory[domain / 2 - 1])),
				  PRIO_INTERRUPTED);
	assert_false(field_is_zero(memory[domain / 2 - 1]));

	/*
	 * The way to the coefficients spreads a single value over all places, and gets to the
	 * one next to it last.
	 */
	assert_ok(poly_coset_init(&transform, n, memory, NULL));
	values[0] = FIELD_ONE;
	assert_status(poly_to_odd_powers(&transform, values, stop_now), PRIO_INTERRUPTED);
	assert_true(field_is_zero(values[1]));
	values[0] = FIELD_ONE;
	assert_status(poly_to_odd_powers(&transform, values, stop_after_writing(&values[1])),
				  PRIO_INTERRUPTED);
	assert_false(field_is_zero(values[1]));
	free(memory);
	free(values);
}

static void
long_computations_ask_whether_to_stop(void **state)
{
	static const size_t large[] = {8192, 100000, PRIO_MAX_DATA};

	(void) state;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
	{
		size_t n = large[i];
		FieldElement r = random_element();
		FieldElement *memory = malloc(poly_weights_size(n) * sizeof(FieldElement));
		FieldElement *tables = malloc(poly_coset_size(n) * sizeof(FieldElement));
		FieldElement *values = calloc(poly_domain(n, NULL), sizeof(FieldElement));
		LagrangeWeights weights;
		CosetTransform transform;

		assert_status(poly_weights(&weights, n, r, memory, stop_now), PRIO_INTERRUPTED);
		assert_ok(poly_weights(&weights, n, r, memory, stop_never));
		assert_status(poly_coset_init(&transform, n, tables, stop_now), PRIO_INTERRUPTED);
		assert_ok(poly_coset_init(&transform, n, tables, stop_never));
		assert_status(poly_to_odd_powers(&transform, values, stop_now), PRIO_INTERRUPTED);
		assert_ok(poly_to_odd_powers(&transform, values, stop_never));
		free(memory);
		free(tables);
		free(values);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_domain_is_the_smallest_power_of_two_above_n),
		cmocka_unit_test(weights_are_the_lagrange_basis),
		cmocka_unit_test(weights_at_every_root_of_unity_are_the_lagrange_basis),
		cmocka_unit_test(the_largest_weights_evaluate_polynomials),
		cmocka_unit_test(the_transform_evaluates_at_the_odd_powers),
		cmocka_unit_test(the_largest_transform_evaluates_at_the_odd_powers),
		cmocka_unit_test(long_computations_ask_whether_to_stop),
		cmocka_unit_test(weights_stop_in_either_pass),
		cmocka_unit_test(transforms_stop_in_either_half),
	};

	return cmocka_run_group_tests_name("poly", tests, NULL, NULL);
}
