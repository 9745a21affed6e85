/*
 * domain.h
 *		Polynomials given by their values at roots of unity, over Field64 and Field128.
 *
 * W is the root of unity of order 2P, P a power of two, and w = W^2 the one of order P.
 * Polynomials of degree below P have their values at w^0 .. w^(P-1), those of degree up to
 * 2P - 2 at W^0 .. W^(2P-2) (docs/prio3.md, "The proof").
 *
 * One table serves all functions: the 2P powers of W.
 */
#ifndef PRIO_FIELD_DOMAIN_H
#define PRIO_FIELD_DOMAIN_H

#include "base/status.h"
#include "field/field128.h"
#include "field/field64.h"

/* A type takes no parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
/* clang-format off */
#define DECLARE_DOMAIN(Field, name) \
	/* roots[k] = W^k for k = 0 .. order - 1, order = 2P. */ \
	extern PrioStatus name##_roots(Field *roots, size_t order, PrioStop stop); \
\
	/* \
	 * Replaces size values a_j by the sums over j of a_j u^(jk), u the root of order size; or, \
	 * if inverse, of a_j u^(-jk): the way back but for the factor 1/size. size is a power \
	 * of two that divides order. \
	 */ \
	extern PrioStatus name##_transform(Field *values, size_t size, const Field *roots, \
									   size_t order, bool inverse, PrioStop stop); \
\
	/* \
	 * Lagrange factors at t (docs/prio3.md, "Weights without inverse"): P of them for \
	 * wires, and 2P - 1 for values of the gadget polynomial. PRIO_BAD_POINT if t^P = 1. \
	 */ \
	extern PrioStatus name##_wire_weights(Field t, const Field *roots, size_t order, \
										  Field *wires, PrioStop stop); \
	extern PrioStatus name##_gadget_weights(Field t, const Field *roots, size_t order, \
											Field *gadget, PrioStop stop); \
\
	/* count powers t^0, t^1 ... */ \
	extern void name##_powers(Field t, Field *powers, size_t count);
/* clang-format on */
/* NOLINTEND(bugprone-macro-parentheses) */

DECLARE_DOMAIN(Field64, prio_domain64)
DECLARE_DOMAIN(Field128, prio_domain128)

#endif /* PRIO_FIELD_DOMAIN_H */
