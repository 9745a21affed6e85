/*
 * field87.h
 *		The prime field of Prio v1: integers modulo p = 2^87 + 2^19 + 1.
 *
 * Representation. An element is two limbs of 44 bits, value = lo + 2^44 hi. It is
 * *reduced* when lo < 2^44, hi < 2^44 and the value is below p (so hi <= 2^43). Every
 * function takes reduced elements and returns reduced elements unless its comment says
 * otherwise.
 *
 * Why 44 bits: the product of two limbs is below 2^88, so 2^39 of them can be added up
 * in 128 bits. A dot product therefore needs neither carries nor reductions on the way
 * (Field87Sum), and a sum of elements needs none for 2^19 terms in 64-bit limbs. The same
 * limbs fit the 52-bit multipliers of AVX-512 IFMA.
 *
 * Reduction. 2^87 = -(2^19 + 1) modulo p, so that what lies above bit 87 folds down
 * with a shift and a small multiplication.
 *
 * Nothing here branches or indexes on the value of an element: all of it may be secret.
 */
#ifndef PRIO_FIELD_FIELD87_H
#define PRIO_FIELD_FIELD87_H

#include "base/int128.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIELD87_BITS 88  /* an element needs this many */
#define FIELD87_BYTES 11 /* big endian, with leading zeros */
#define FIELD87_LIMB_BITS 44
#define FIELD87_LIMB_MASK ((UINT64_C(1) << FIELD87_LIMB_BITS) - 1)
#define FIELD87_TWO_ADICITY 19                 /* 2^19 divides p - 1 */
#define FIELD87_FOLD ((UINT64_C(1) << 19) + 1) /* 2^87 = -FIELD87_FOLD mod p */

typedef struct Field87
{
	uint64_t lo; /* bits 0 .. 43 */
	uint64_t hi; /* bits 44 .. 87 */
} Field87;

/*
 * An unreduced sum of products: t0 + 2^44 t1 + 2^88 t2.
 *
 * With reduced operands one product adds less than 2^88 to t0, less than 2^89 to t1 and
 * at most 2^86 to t2. FIELD87_SUM_TERMS products leave t0 and t1 far below 2^128, and t2
 * plus the carries below 2^107, which is what field87_sum_reduce() can take.
 */
typedef struct Field87Sum
{
	prio_uint128 t0;
	prio_uint128 t1;
	prio_uint128 t2;
} Field87Sum;

#define FIELD87_SUM_TERMS (UINT64_C(1) << 20)

#define FIELD87_P_HI (UINT64_C(1) << 43)
#define FIELD87_P_LO FIELD87_FOLD
#define FIELD87_P (((prio_uint128) 1 << 87) + FIELD87_FOLD)

#define FIELD87_ZERO ((Field87){0, 0})
#define FIELD87_ONE ((Field87){1, 0})
#define FIELD87_HALF ((Field87){((UINT64_C(1) << 18) + 1), UINT64_C(1) << 42}) /* 1/2 */

/* The value as an integer; the limbs need not be in range. */
static inline prio_uint128
field87_to_integer(Field87 a)
{
	return (prio_uint128) a.lo + ((prio_uint128) a.hi << FIELD87_LIMB_BITS);
}

/* The element with this value; value < 2^88, and reduced if and only if value < p. */
static inline Field87
field87_from_integer(prio_uint128 value)
{
	Field87 a;

	a.lo = (uint64_t) value & FIELD87_LIMB_MASK;
	a.hi = (uint64_t) (value >> FIELD87_LIMB_BITS);
	return a;
}

/* 1 if a < b, else 0; the limbs must be in range, the values need not be below p. */
static inline uint64_t
field87_less(Field87 a, Field87 b)
{
	uint64_t borrow = (a.lo - b.lo) >> 63;

	return (a.hi - b.hi - borrow) >> 63;
}

/* value in [-p, p) as an element. */
static inline Field87
field87_from_signed(prio_int128 value)
{
	prio_uint128 borrow = (prio_uint128) (value >> 127); /* all ones if negative */

	return field87_from_integer((prio_uint128) value + (borrow & FIELD87_P));
}

static inline Field87
field87_add(Field87 a, Field87 b)
{
	return field87_from_signed(
		(prio_int128) (field87_to_integer(a) + field87_to_integer(b) - FIELD87_P));
}

static inline Field87
field87_sub(Field87 a, Field87 b)
{
	return field87_from_signed((prio_int128) (field87_to_integer(a) - field87_to_integer(b)));
}

static inline Field87
field87_neg(Field87 a)
{
	return field87_sub(FIELD87_ZERO, a);
}

/* sum += a * b. At most FIELD87_SUM_TERMS calls between two reductions. */
static inline void
field87_sum_add_product(Field87Sum *sum, Field87 a, Field87 b)
{
	sum->t0 += (prio_uint128) a.lo * b.lo;
	sum->t1 += (prio_uint128) a.lo * b.hi;
	sum->t1 += (prio_uint128) a.hi * b.lo;
	sum->t2 += (prio_uint128) a.hi * b.hi;
}

/*
 * The element that an unreduced sum stands for. Input: the bounds of Field87Sum.
 *
 * With low the 87 low bits and high what lies above them, value = low - high * fold;
 * high < 2^108 and fold < 2^19.1 keep that product below 2^128. Folding the product the
 * same way once more leaves a value in [-2^87, 2^87 + 2^61).
 */
static inline Field87
field87_sum_reduce(const Field87Sum *sum)
{
	prio_uint128 mid = sum->t1 + (sum->t0 >> FIELD87_LIMB_BITS);
	prio_uint128 top = sum->t2 + (mid >> FIELD87_LIMB_BITS);
	uint64_t lo = (uint64_t) sum->t0 & FIELD87_LIMB_MASK;
	uint64_t hi = (uint64_t) mid & FIELD87_LIMB_MASK;
	uint64_t hi_mask = (UINT64_C(1) << 43) - 1;
	prio_uint128 high = (top << 1) | (hi >> 43);
	prio_uint128 low = (prio_uint128) lo | ((prio_uint128) (hi & hi_mask) << FIELD87_LIMB_BITS);
	prio_uint128 fold = high * FIELD87_FOLD;
	prio_uint128 fold_low = fold & (((prio_uint128) 1 << 87) - 1);
	uint64_t fold_high = (uint64_t) (fold >> 87);
	prio_int128 value = (prio_int128) low - (prio_int128) fold_low +
		(prio_int128) ((prio_uint128) fold_high * FIELD87_FOLD);

	/* Into [0, 2^87 + 2^61 + p), then below p: two steps that may each do nothing. */
	value += (prio_int128) ((prio_uint128) (value >> 127) & FIELD87_P);
	return field87_from_signed(value - (prio_int128) FIELD87_P);
}

static inline Field87
field87_mul(Field87 a, Field87 b)
{
	Field87Sum sum = {0, 0, 0};

	field87_sum_add_product(&sum, a, b);
	return field87_sum_reduce(&sum);
}

/* Who branches on the result of these two shows it. */
static inline bool
field87_is_zero(Field87 a)
{
	return (a.lo | a.hi) == 0;
}

static inline bool
field87_equal(Field87 a, Field87 b)
{
	return ((a.lo ^ b.lo) | (a.hi ^ b.hi)) == 0;
}

static inline uint64_t
field87_load_be64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Eleven bytes, big endian. The result is reduced if and only if the value is below p. */
static inline Field87
field87_from_bytes(const uint8_t *bytes)
{
	Field87 a;

	a.hi = field87_load_be64(bytes) >> 20;
	a.lo = field87_load_be64(bytes + 3) & FIELD87_LIMB_MASK;
	return a;
}

/* 1 if the limbs, each in range, stand for a value below p, else 0. */
static inline uint64_t
field87_is_reduced(Field87 a)
{
	return field87_less(a, (Field87){FIELD87_P_LO, FIELD87_P_HI});
}

static inline void
field87_store_be64(uint64_t word, uint8_t *bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(bytes, &word, sizeof(word));
}

static inline void
field87_to_bytes(Field87 a, uint8_t *bytes)
{
	prio_uint128 value = field87_to_integer(a);

	field87_store_be64((uint64_t) (value >> 24), bytes);
	field87_store_be64((uint64_t) value, bytes + 3);
}

#define FIELD87_CANDIDATE_BYTES (FIELD87_BYTES + 1)

/*
 * One candidate for a random element: eleven bytes, big endian, of which the twelfth replaces the first. Taken apart
 * by loads alone, since writing that byte back would stall the load behind it.
 */
static inline Field87
field87_from_candidate(const uint8_t *bytes)
{
	uint64_t top = (uint64_t) bytes[FIELD87_BYTES] << 56;
	uint64_t rest = field87_load_be64(bytes) & (UINT64_MAX >> 8);
	Field87 a;

	a.hi = (top | rest) >> 20;
	a.lo = field87_load_be64(bytes + 3) & FIELD87_LIMB_MASK;
	return a;
}

/*
 * a to the power of exponent, which is public; a may be secret. FIELD87_ONE for 0^0.
 */
extern Field87 prio_field87_pow(Field87 a, prio_uint128 exponent);

/* 1 / a; zero for zero. */
extern Field87 prio_field87_inv(Field87 a);

/* The root of unity of order 2^log_order; 0 <= log_order <= FIELD87_TWO_ADICITY. */
extern Field87 prio_field87_root(int log_order);

#endif /* PRIO_FIELD_FIELD87_H */
