/*
 * poly.c
 *		Lagrange evaluation at a fixed point, and the transform of the client.
 */
#include "poly.h"

/* How many field operations may pass between two questions whether to stop. */
#define STOP_INTERVAL 4096

size_t
poly_domain(size_t n, int *log_size)
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
poly_weights_size(size_t n)
{
	return n + poly_domain(n, NULL);
}

/*
 * The weight of the point with index i of the domain of order 2N (so of w_2N^i) has a
 * place of its own in LagrangeWeights, or none: even indices above 2n are padding. Even
 * ones belong to f and g (index i / 2 of the domain of order N), odd ones to h. Index 0
 * belongs to both, which is why the callers look after it themselves.
 */
static inline FieldElement *
weight_at(const LagrangeWeights *weights, size_t i)
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
weights_at_root(LagrangeWeights *weights, FieldElement r, FieldElement root)
{
	FieldElement power = FIELD_ONE;

	weights->data_0 = (FieldElement){field_equal(r, FIELD_ONE), 0};
	weights->h_0 = weights->data_0;
	weights->data_sum = FIELD_ZERO;
	for (size_t i = 1; i < 2 * weights->domain; i++)
	{
		FieldElement *weight = weight_at(weights, i);

		power = field_mul(power, root);
		if (weight == NULL)
			continue;
		*weight = (FieldElement){field_equal(power, r), 0};
		if (i % 2 == 0)
			weights->data_sum.lo |= weight->lo;
	}
}

/*
 * When r is an odd power of w_2N, scale_2n is 0 and so are all weights of h but the one
 * of that very point, which is 1; f and g have no point there and take the general way.
 */
PrioStatus
poly_weights(LagrangeWeights *weights, size_t n, FieldElement r, FieldElement *memory,
			 PrioStop stop)
{
	int log_domain;
	size_t order;          /* 2N */
	FieldElement root;     /* w_2N */
	FieldElement r_to_n;   /* r^N */
	FieldElement scale_n;  /* (r^N - 1) / N */
	FieldElement scale_2n; /* (r^2N - 1) / 2N */
	FieldElement inverse_n;
	FieldElement power;
	FieldElement product;
	FieldElement difference_0;

	weights->n = n;
	weights->domain = poly_domain(n, &log_domain);
	weights->data = memory;
	weights->h = memory + n;
	order = 2 * weights->domain;
	root = field_root(log_domain + 1);

	r_to_n = field_pow(r, weights->domain);
	/* One r in 2^68 is such a point. That all others are not tells nothing about them. */
	if (prio_declassify(field_equal(r_to_n, FIELD_ONE)))
	{
		weights_at_root(weights, r, root);
		return PRIO_OK;
	}

	inverse_n = FIELD_ONE;
	for (int i = 0; i < log_domain; i++)
		inverse_n = field_mul(inverse_n, FIELD_HALF);
	scale_n = field_mul(field_sub(r_to_n, FIELD_ONE), inverse_n);
	scale_2n = field_mul(field_mul(scale_n, field_add(r_to_n, FIELD_ONE)), FIELD_HALF);

	/*
	 * Montgomery's trick: one inversion for all 1 / (r - w^i). On the way up every place
	 * keeps the product of the differences before it ...
	 */
	difference_0 = field_sub(r, FIELD_ONE);
	product = difference_0;
	power = FIELD_ONE;
	for (size_t i = 1; i < order; i++)
	{
		FieldElement *weight = weight_at(weights, i);
		FieldElement difference;

		power = field_mul(power, root);
		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
		if (weight == NULL)
			continue;
		difference = field_sub(r, power);
		difference.lo |= field_is_zero(difference); /* 1 instead of 0, without a branch */
		*weight = product;
		product = field_mul(product, difference);
	}

	/* ... and on the way down, product is the inverse of those not yet passed. */
	product = field_inv(product);
	root = field_inv(root);
	weights->data_sum = FIELD_ZERO;
	for (size_t i = order - 1; i > 0; i--)
	{
		FieldElement *weight = weight_at(weights, i);

		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
		if (weight != NULL)
		{
			FieldElement difference = field_sub(r, power);
			uint64_t is_r = field_is_zero(difference);
			FieldElement inverse = field_mul(product, *weight);

			difference.lo |= is_r;
			product = field_mul(product, difference);
			*weight = field_mul(field_mul(inverse, power), i % 2 == 1 ? scale_2n : scale_n);
			weight->lo |= is_r; /* i is odd then, and scale_2n was 0, so this is 1 */
			if (i % 2 == 0)
				weights->data_sum = field_add(weights->data_sum, *weight);
		}
		power = field_mul(power, root);
	}
	weights->data_0 = field_mul(product, scale_n);
	weights->h_0 = field_mul(product, scale_2n);
	return PRIO_OK;
}

size_t
poly_coset_size(size_t n)
{
	return 2 * poly_domain(n, NULL);
}

PrioStatus
poly_coset_init(CosetTransform *transform, size_t n, FieldElement *memory, PrioStop stop)
{
	int log_domain;
	size_t domain = poly_domain(n, &log_domain);
	FieldElement root = field_root(log_domain);
	FieldElement inverse_root = field_inv(root);
	FieldElement root_2n = field_root(log_domain + 1);
	FieldElement power = FIELD_ONE;
	FieldElement inverse_power = FIELD_ONE;

	transform->domain = domain;
	transform->roots = memory;
	transform->inverse_roots = memory + domain / 2;
	transform->shift = memory + domain;

	for (size_t i = 0; i < domain / 2; i++)
	{
		transform->roots[i] = power;
		transform->inverse_roots[i] = inverse_power;
		power = field_mul(power, root);
		inverse_power = field_mul(inverse_power, inverse_root);
		if (i % STOP_INTERVAL == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}

	/* power becomes w_2N^k / N; k counts up while its mirror image walks the table. */
	power = FIELD_ONE;
	for (int i = 0; i < log_domain; i++)
		power = field_mul(power, FIELD_HALF);
	for (size_t k = 0, mirror = 0; k < domain; k++)
	{
		size_t bit = domain >> 1;

		transform->shift[mirror] = power;
		power = field_mul(power, root_2n);
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
to_coefficients(const CosetTransform *transform, FieldElement *a, PrioStop stop)
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
				FieldElement u = a[start + j];
				FieldElement v = a[start + j + half];

				a[start + j] = field_add(u, v);
				a[start + j + half] =
					field_mul(field_sub(u, v), transform->inverse_roots[j * stride]);
			}
		}
	}
	return PRIO_OK;
}

/* Coefficients in bit-reversed order to values in natural order: decimation in time. */
static PrioStatus
to_values(const CosetTransform *transform, FieldElement *a, PrioStop stop)
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
				FieldElement u = a[start + j];
				FieldElement v = field_mul(a[start + j + half], transform->roots[j * stride]);

				a[start + j] = field_add(u, v);
				a[start + j + half] = field_sub(u, v);
			}
		}
	}
	return PRIO_OK;
}

PrioStatus
poly_to_odd_powers(const CosetTransform *transform, FieldElement *values, PrioStop stop)
{
	PrioStatus status = to_coefficients(transform, values, stop);

	if (status != PRIO_OK)
		return status;
	for (size_t k = 0; k < transform->domain; k++)
		values[k] = field_mul(values[k], transform->shift[k]);
	return to_values(transform, values, stop);
}
