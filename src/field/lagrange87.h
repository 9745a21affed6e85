/*
 * lagrange87.h
 *		Polynomials given by their values at roots of unity.
 *
 * w_M is prio_field87_root(log2 M), the root of unity of order M. N = prio_lagrange87_domain(n) is the
 * smallest power of two above n (docs/protocol.md, "Parameters").
 */
#ifndef PRIO_FIELD_LAGRANGE87_H
#define PRIO_FIELD_LAGRANGE87_H

#include "base/params.h"
#include "base/status.h"
#include "field/field87.h"

/* N for n data fields, 1 <= n <= PRIO1_MAX_DATA; *log_size is its logarithm, if not NULL. */
extern size_t prio_lagrange87_domain(size_t n, int *log_size);

/*
 * What it takes to evaluate the three polynomials of a packet at a fixed point r as dot
 * products (docs/protocol.md, "What makes it fast"). With l_i the Lagrange basis over the
 * domain of order N, and m_i the one over the domain of order 2N:
 *
 *	f(r) = data_0 f0 + sum data_i x_i
 *	g(r) = data_0 g0 + sum data_i (x_i - 1)
 *	h(r) = h_0 h0 + sum h_i (i-th h point, at the odd power 2i + 1 of w_2N)
 */
typedef struct Lagrange87
{
	size_t n;         /* data fields */
	size_t domain;    /* N */
	Field87 data_0;   /* l_0(r) */
	Field87 h_0;      /* m_0(r) */
	Field87 data_sum; /* l_1(r) + ... + l_n(r) */
	Field87 *data;    /* n elements: l_1(r) .. l_n(r) */
	Field87 *h;       /* N elements: m_1(r), m_3(r) .. m_(2N-1)(r) */
} Lagrange87;

/* How many elements of memory the two arrays take: n + N. */
extern size_t prio_lagrange87_size(size_t n);

/*
 * Computes the weights for n data fields at the point r. memory has room for
 * prio_lagrange87_size(n) elements, and belongs to the caller, who keeps it as long as the
 * weights. Takes time linear in n, and no division by anything that depends on r. So it works for
 * every r, also for roots of unity: the value there is simply that point.
 */
extern PrioStatus prio_lagrange87_init(Lagrange87 *weights, size_t n, Field87 r,
									   Field87 *memory, PrioStop stop);

/*
 * The tables with which a client goes from the values of a polynomial of degree < N at
 * the powers of w_N to its values at the odd powers of w_2N. They depend on N alone.
 */
typedef struct Coset87
{
	size_t domain;          /* N */
	Field87 *roots;         /* N / 2 elements: w_N^i */
	Field87 *inverse_roots; /* N / 2 elements: w_N^-i */
	Field87 *shift;         /* N elements: w_2N^k / N, in bit-reversed order of k */
} Coset87;

/* How many elements of memory the tables take: 2N. */
extern size_t prio_coset87_size(size_t n);

/* memory has room for prio_coset87_size(n) elements and lives as long as the tables. */
extern PrioStatus prio_coset87_init(Coset87 *transform, size_t n, Field87 *memory,
									PrioStop stop);

/*
 * values: N elements, in place. In: the values at w_N^0 .. w_N^(N-1). Out: the values at
 * w_2N^1, w_2N^3 .. w_2N^(2N-1). N log N steps.
 */
extern PrioStatus prio_coset87_to_odd_powers(const Coset87 *transform, Field87 *values,
											 PrioStop stop);

#endif /* PRIO_FIELD_LAGRANGE87_H */
