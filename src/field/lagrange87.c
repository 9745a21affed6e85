/*
 * lagrange87.c
 *		Lagrange evaluation at a fixed point, and the transform of the client.
 */
#include "field/lagrange87.h"

#include "base/secret.h"

/* How many field operations may pass between two questions whether to stop. */
#define STOP_INTERVAL 4096

size_t
prio_lagrange87_domain(size_t n, int *log_size)
{
	size_t size = 1;
	int log = 0;

	while (size < n + 1)
	{
		size *= 2;
		log++;
	}
	if (log_size != NULL)
		*log_size = log;
	return size;
}

size_t
prio_lagrange87_size(size_t n)
{
	return n + prio_lagrange87_domain(n, NULL);
}

/*
 * The weight of the point with index i of the domain of order 2N (so of w_2N^i) has a
 * place of its own in Lagrange87, or none: even indices above 2n are padding. Even
 * ones belong to f and g (index i / 2 of the domain of order N), odd ones to h. Index 0
 * belongs to both, which is why the callers look after it themselves.
 */
static inline Field87 *
weight_at(const Lagrange87 *weights, size_t i)
{
	if (i % 2 == 1)
		return &weights->h[i / 2];
	if (i / 2 <= weights->n)
		return &weights->data[i / 2 - 1];
	return NULL;
}

/*
 * r is a root of unity of order N: every weight is 0, or 1 where r itself is. Which one it
 * is stays secret.
 */
static void
weights_at_root(Lagrange87 *weights, Field87 r, Field87 root)
{
	Field87 power = FIELD87_ONE;

	weights->data_0 = (Field87){field87_equal(r, FIELD87_ONE), 0};
	weights->h_0 = weights->data_0;
	weights->data_sum = FIELD87_ZERO;
	for (size_t i = 1; i < 2 * weights->domain; i++)
	{
		Field87 *weight = weight_at(weights, i);

		power = field87_mul(power, root);
		if (weight == NULL)
			continue;
		*weight = (Field87){field87_equal(power, r), 0};
		if (i % 2 == 0)
			weights->data_sum.lo |= weight->lo;
	}
}

/*
 * When r is an odd power of w_2N, scale_2n is 0 and so are all weights of h but the one
 * of that very point, which is 1; f and g have no point there and take the general way.
 */
PrioStatus
prio_lagrange87_init(Lagrange87 *weights, size_t n, Field87 r, Field87 *memory, PrioStop stop)
{
	int log_domain;
	size_t order;     /* 2N */
	Field87 root;     /* w_2N */
	Field87 r_to_n;   /* r^N */
	Field87 scale_n;  /* (r^N - 1) / N */
	Field87 scale_2n; /* (r^2N - 1) / 2N */
	Field87 inverse_n;
	Field87 power;
	Field87 product;
	Field87 difference_0;

	weights->n = n;
	weights->domain = prio_lagrange87_domain(n, &log_domain);
	weights->data = memory;
	weights->h = memory + n;
	order = 2 * weights->domain;
	root = prio_field87_root(log_domain + 1);

	r_to_n = prio_field87_pow(r, weights->domain);
	/* One r in 2^68 is such a point. That all others are not tells nothing about them. */
	if (prio_declassify(field87_equal(r_to_n, FIELD87_ONE)))
	{
		weights_at_root(weights, r, root);
		return PRIO_OK;
	}

	inverse_n = FIELD87_ONE;
	for (int i = 0; i < log_domain; i++)
		inverse_n = field87_mul(inverse_n, FIELD87_HALF);
	scale_n = field87_mul(field87_sub(r_to_n, FIELD87_ONE), inverse_n);
	scale_2n = field87_mul(field87_mul(scale_n, field87_add(r_to_n, FIELD87_ONE)), FIELD87_HALF);

	/*
	 * Montgomery's trick: one inversion for all 1 / (r - w^i). On the way up every place
	 * keeps the product of the differences before it ...
	 */
	difference_0 = field87_sub(r, FIELD87_ONE);
	product = difference_0;
	power = FIELD87_ONE;
	for (size_t i = 1; i < order; i++)
	{
		Field87 *weight = weight_at(weights, i);
		Field87 difference;

		power = field87_mul(power, root);
		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
		if (weight == NULL)
			continue;
		difference = field87_sub(r, power);
		difference.lo |= field87_is_zero(difference); /* 1 instead of 0, without a branch */
		*weight = product;
		product = field87_mul(product, difference);
	}

	/* ... and on the way down, product is the inverse of those not yet passed. */
	product = prio_field87_inv(product);
	root = prio_field87_inv(root);
	weights->data_sum = FIELD87_ZERO;
	for (size_t i = order - 1; i > 0; i--)
	{
		Field87 *weight = weight_at(weights, i);

		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
		if (weight != NULL)
		{
			Field87 difference = field87_sub(r, power);
			uint64_t is_r = field87_is_zero(difference);
			Field87 inverse = field87_mul(product, *weight);

			difference.lo |= is_r;
			product = field87_mul(product, difference);
			*weight = field87_mul(field87_mul(inverse, power), i % 2 == 1 ? scale_2n : scale_n);
			weight->lo |= is_r; /* i is odd then, and scale_2n was 0, so this is 1 */
			if (i % 2 == 0)
				weights->data_sum = field87_add(weights->data_sum, *weight);
		}
		power = field87_mul(power, root);
	}
	weights->data_0 = field87_mul(product, scale_n);
	weights->h_0 = field87_mul(product, scale_2n);
	return PRIO_OK;
}

size_t
prio_coset87_size(size_t n)
{
	return 2 * prio_lagrange87_domain(n, NULL);
}

PrioStatus
prio_coset87_init(Coset87 *transform, size_t n, Field87 *memory, PrioStop stop)
{
	int log_domain;
	size_t domain = prio_lagrange87_domain(n, &log_domain);
	Field87 root = prio_field87_root(log_domain);
	Field87 inverse_root = prio_field87_inv(root);
	Field87 root_2n = prio_field87_root(log_domain + 1);
	Field87 power = FIELD87_ONE;
	Field87 inverse_power = FIELD87_ONE;

	transform->domain = domain;
	transform->roots = memory;
	transform->inverse_roots = memory + domain / 2;
	transform->shift = memory + domain;

	for (size_t i = 0; i < domain / 2; i++)
	{
		transform->roots[i] = power;
		transform->inverse_roots[i] = inverse_power;
		power = field87_mul(power, root);
		inverse_power = field87_mul(inverse_power, inverse_root);
		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}

	/* power becomes w_2N^k / N; k counts up while its mirror image walks the table. */
	power = FIELD87_ONE;
	for (int i = 0; i < log_domain; i++)
		power = field87_mul(power, FIELD87_HALF);
	for (size_t k = 0, mirror = 0; k < domain; k++)
	{
		size_t bit = domain >> 1;

		transform->shift[mirror] = power;
		power = field87_mul(power, root_2n);
		while (bit != 0 && (mirror & bit) != 0)
		{
			mirror ^= bit;
			bit >>= 1;
		}
		mirror |= bit;
		if (k % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	return PRIO_OK;
}

/*
 * Values to coefficients times N by decimation in frequency: natural order in, bit-
 * reversed order out. The other direction takes exactly that order, so that no
 * permutation is ever needed.
 */
static PrioStatus
to_coefficients(const Coset87 *transform, Field87 *a, PrioStop stop)
{
	size_t domain = transform->domain;

	for (size_t half = domain / 2; half >= 1; half /= 2)
	{
		size_t stride = domain / 2 / half;

		if (prio_stopped(stop))
			return PRIO_INTERRUPTED;
		for (size_t start = 0; start < domain; start += 2 * half)
		{
			for (size_t j = 0; j < half; j++)
			{
				Field87 u = a[start + j];
				Field87 v = a[start + j + half];

				a[start + j] = field87_add(u, v);
				a[start + j + half] =
					field87_mul(field87_sub(u, v), transform->inverse_roots[j * stride]);
			}
		}
	}
	return PRIO_OK;
}

/* Coefficients in bit-reversed order to values in natural order: decimation in time. */
static PrioStatus
to_values(const Coset87 *transform, Field87 *a, PrioStop stop)
{
	size_t domain = transform->domain;

	for (size_t half = 1; half < domain; half *= 2)
	{
		size_t stride = domain / 2 / half;

		if (prio_stopped(stop))
			return PRIO_INTERRUPTED;
		for (size_t start = 0; start < domain; start += 2 * half)
		{
			for (size_t j = 0; j < half; j++)
			{
				Field87 u = a[start + j];
				Field87 v = field87_mul(a[start + j + half], transform->roots[j * stride]);

				a[start + j] = field87_add(u, v);
				a[start + j + half] = field87_sub(u, v);
			}
		}
	}
	return PRIO_OK;
}

PrioStatus
prio_coset87_to_odd_powers(const Coset87 *transform, Field87 *values, PrioStop stop)
{
	PrioStatus status = to_coefficients(transform, values, stop);

	if (status != PRIO_OK)
		return status;
	for (size_t k = 0; k < transform->domain; k++)
		values[k] = field87_mul(values[k], transform->shift[k]);
	return to_values(transform, values, stop);
}
