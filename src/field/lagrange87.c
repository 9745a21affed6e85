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
 * From weights over a domain of half the order to weights over the whole one. The weight of the
 * point with index i of the domain of order M is
 *
 *	L_M,i(r) = (t^M - 1) / M / (t - 1)  with  t = r w_M^-i
 *
 * (which is 1 for t = 1), and as t^2 - 1 = (t - 1) (t + 1) it follows that
 *
 *	L_M,i(r) = L_(M/2),i(r^2) (1 + t) / 2
 *
 * where i counts modulo M / 2. For i + M / 2 the weight on the right is the same, and -t stands for t.
 * Nothing is divided, so this holds for every r, roots of unity included. Whoever begins
 * with 1 / M instead of 1 need not halve.
 *
 * In: `count` weights at old, whose t are first, first step, first step^2 ... Out: those with
 * 1 + t in their places, and those with 1 - t at new, which has room for `room` of them.
 */
static PrioStatus
double_order(Field87 *old, size_t count, Field87 *new, size_t room, Field87 first,
			 Field87 step, PrioStop stop)
{
	/* Two at a time are on their way: a product need not wait for the one before it. */
	Field87 t = first;
	Field87 next = field87_mul(first, step);
	Field87 step_2 = field87_mul(step, step);

	for (size_t k = 0; k < count; k++)
	{
		Field87 weight = old[k];
		Field87 product = field87_mul(weight, t);
		Field87 after_next = field87_mul(t, step_2);

		old[k] = field87_add(weight, product);
		if (k < room)
			new[k] = field87_sub(weight, product);
		t = next;
		next = after_next;
		if (k % STOP_INTERVAL == STOP_INTERVAL - 1 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	return PRIO_OK;
}

/* l_0 .. l_n at r, over the domain of order N. */
static PrioStatus
data_weights(Lagrange87 *weights, int log_domain, const Field87 *powers,
			 const Field87 *inverse_roots, Field87 first, PrioStop stop)
{
	PrioStatus status = PRIO_OK;

	weights->data_0 = first;
	for (int log = 1; log <= log_domain && status == PRIO_OK; log++)
	{
		size_t half = (size_t) 1 << (log - 1);
		Field87 t = powers[log_domain - log]; /* that of index 0 */
		Field87 product = field87_mul(weights->data_0, t);

		/* Index i is at data[i - 1]. N / 2 <= n, so only the last new ones may have no place. */
		weights->data[half - 1] = field87_sub(weights->data_0, product);
		weights->data_0 = field87_add(weights->data_0, product);
		status = double_order(weights->data, half - 1, weights->data + half, weights->n - half,
							  field87_mul(t, inverse_roots[log]), inverse_roots[log], stop);
	}
	return status;
}

/* m_1, m_3 .. m_(2N-1) at r, over the domain of order 2N, and m_0. */
static PrioStatus
h_weights(Lagrange87 *weights, int log_order, const Field87 *powers,
		  const Field87 *inverse_roots, Field87 first, PrioStop stop)
{
	PrioStatus status = PRIO_OK;
	Field87 product = field87_mul(first, powers[log_order - 1]);

	/* Of order 2, then of the next ones. Odd indices come from odd ones alone. */
	weights->h_0 = field87_add(first, product);
	weights->h[0] = field87_sub(first, product);
	for (int log = 2; log <= log_order && status == PRIO_OK; log++)
	{
		size_t count = (size_t) 1 << (log - 2);
		Field87 t = powers[log_order - log];

		weights->h_0 = field87_add(weights->h_0, field87_mul(weights->h_0, t));
		status = double_order(weights->h, count, weights->h + count, count,
							  field87_mul(t, inverse_roots[log]), inverse_roots[log - 1], stop);
	}
	return status;
}

PrioStatus
prio_lagrange87_init(Lagrange87 *weights, size_t n, Field87 r, Field87 *memory, PrioStop stop)
{
	int log_domain;
	int log_order;                                  /* of 2N */
	Field87 powers[FIELD87_TWO_ADICITY];            /* r^(2^i) */
	Field87 inverse_roots[FIELD87_TWO_ADICITY + 1]; /* 1 / w_(2^i) */
	Field87 first = FIELD87_ONE;
	PrioStatus status;

	weights->n = n;
	weights->domain = prio_lagrange87_domain(n, &log_domain);
	weights->data = memory;
	weights->h = memory + n;
	weights->data_sum = FIELD87_ZERO;
	log_order = log_domain + 1;

	powers[0] = r;
	for (int i = 1; i < log_order; i++)
		powers[i] = field87_mul(powers[i - 1], powers[i - 1]);
	inverse_roots[log_order] = prio_field87_inv(prio_field87_root(log_order));
	for (int i = log_order; i > 0; i--)
		inverse_roots[i - 1] = field87_mul(inverse_roots[i], inverse_roots[i]);
	for (int i = 0; i < log_domain; i++)
		first = field87_mul(first, FIELD87_HALF);

	status = data_weights(weights, log_domain, powers, inverse_roots, first, stop);
	for (size_t i = 0; i < n && status == PRIO_OK; i++)
		weights->data_sum = field87_add(weights->data_sum, weights->data[i]);
	if (status == PRIO_OK)
		status = h_weights(weights, log_order, powers, inverse_roots,
						   field87_mul(first, FIELD87_HALF), stop);
	prio_wipe(powers, sizeof(powers));
	return status;
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
