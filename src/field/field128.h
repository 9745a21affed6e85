/*
 * field128.h
 *		Field128 of Prio3: integers modulo p = 2^128 - 28 * 2^64 + 1.
 *
 * An element is two limbs, value = lo + X hi with X = 2^64; *reduced* when that is below p.
 * Every function takes reduced elements and returns reduced elements. In bytes it is the
 * limbs, little endian, 16 bytes: what the XOF gives and takes.
 *
 * Reduction, modulo p (docs/prio3.md, "Arithmetic"):
 *
 *	X^2 =    28 X -   1
 *	X^3 =   783 X -  28
 *	X^4 = 21896 X - 783
 *
 * so that t_0 + t_1 X + ... + t_4 X^4 = l + h X with
 *
 *	l = t_0 -    t_2 -  28 t_3 -   783 t_4
 *	h = t_1 + 28 t_2 + 783 t_3 + 21896 t_4
 *
 * which are a few multiplications by small constants. Montgomery's form would save one of
 * them, and cost conversions.
 *
 * Nothing here branches or indexes on the value of an element: all of it may be secret.
 */
#ifndef PRIO_FIELD_FIELD128_H
#define PRIO_FIELD_FIELD128_H

#include "base/bytes.h"
#include "base/int128.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>

#define FIELD128_BYTES 16
#define FIELD128_TWO_ADICITY 66 /* 2^66 divides p - 1 */
#define FIELD128_P_LO UINT64_C(1)
#define FIELD128_P_HI UINT64_C(0xffffffffffffffe4)
#define FIELD128_P (((prio_uint128) FIELD128_P_HI << 64) + FIELD128_P_LO)

typedef struct Field128
{
	uint64_t lo;
	uint64_t hi;
} Field128;

/*
 * An unreduced sum of products: low + X mid + X^2 high, each with the carries out of its 128
 * bits. Three sums that do not wait for each other are faster than one of five limbs.
 */
typedef struct Field128Sum
{
	prio_uint128 low;
	prio_uint128 mid;
	prio_uint128 high;
	uint64_t low_carries;
	uint64_t mid_carries;
	uint64_t high_carries;
} Field128Sum;

/* So many products between two reductions keep every carry count below 2^41. */
#define FIELD128_SUM_TERMS (UINT64_C(1) << 40)

#define FIELD128_ZERO ((Field128){0, 0})
#define FIELD128_ONE ((Field128){1, 0})
#define FIELD128_HALF ((Field128){1, UINT64_C(0x7ffffffffffffff2)}) /* 1/2 */

static inline prio_uint128
field128_to_integer(Field128 a)
{
	return ((prio_uint128) a.hi << 64) | a.lo;
}

/* Splits an integer into limbs, reduced if and only if it is below p. */
static inline Field128
field128_split(prio_uint128 value)
{
	return (Field128){(uint64_t) value, (uint64_t) (value >> 64)};
}

/* value + 2^128 carry as an element, if that is below 2p. */
static inline Field128
field128_reduce_once(prio_uint128 value, uint64_t carry)
{
	prio_uint128 without_p;
	uint64_t below = __builtin_sub_overflow(value, FIELD128_P, &without_p);
	uint64_t mask = prio_mask(carry | (below ^ 1));
	Field128 a = field128_split(value);
	Field128 b = field128_split(without_p);

	return (Field128){(b.lo & mask) | (a.lo & ~mask), (b.hi & mask) | (a.hi & ~mask)};
}

/* Any 128 bits as an element. */
static inline Field128
field128_from_integer(prio_uint128 value)
{
	return field128_reduce_once(value, 0);
}

static inline Field128
field128_add(Field128 a, Field128 b)
{
	prio_uint128 sum;
	uint64_t carry =
		__builtin_add_overflow(field128_to_integer(a), field128_to_integer(b), &sum);

	return field128_reduce_once(sum, carry);
}

static inline Field128
field128_sub(Field128 a, Field128 b)
{
	prio_uint128 difference;
	uint64_t mask = prio_mask(
		__builtin_sub_overflow(field128_to_integer(a), field128_to_integer(b), &difference));

	/* p has no bits in the low limb but one. */
	return field128_split(difference +
						  (((prio_uint128) (FIELD128_P_HI & mask) << 64) | (mask & 1)));
}

static inline Field128
field128_neg(Field128 a)
{
	return field128_sub(FIELD128_ZERO, a);
}

/*
 * l + h X as an element, for |l| < 2^80 and h < 2^80. p = 1 + X (X - 28) is added first, so
 * that nothing is negative. What lies above 2^128 then is less than 2^17, and folds down once more.
 */
static inline Field128
field128_fold(prio_int128 l, prio_uint128 h)
{
	prio_int128 carried;
	uint64_t top;
	prio_uint128 value;
	prio_uint128 folded;
	uint64_t carry;

	carried = (prio_int128) h + (prio_int128) FIELD128_P_HI + ((l + 1) >> 64);
	value = ((prio_uint128) (uint64_t) carried << 64) | (uint64_t) (l + 1);
	top = (uint64_t) (carried >> 64);
	/* top X^2, below 2^86: the sum is below 2^128 + 2^86, hence below 2p. */
	folded = ((prio_uint128) (28 * top) << 64) - top;
	carry = __builtin_add_overflow(value, folded, &value);
	return field128_reduce_once(value, carry);
}

static inline Field128
field128_mul(Field128 a, Field128 b)
{
	prio_uint128 low = (prio_uint128) a.lo * b.lo;
	prio_uint128 mid = (prio_uint128) a.lo * b.hi;
	prio_uint128 mid2 = (prio_uint128) a.hi * b.lo;
	prio_uint128 high = (prio_uint128) a.hi * b.hi;
	prio_uint128 t1;
	prio_uint128 t2;
	uint64_t t3;

	t1 = (low >> 64) + (uint64_t) mid + (uint64_t) mid2;
	t2 = (t1 >> 64) + (mid >> 64) + (mid2 >> 64) + (uint64_t) high;
	t3 = (uint64_t) (high >> 64) + (uint64_t) (t2 >> 64);
	return field128_fold((prio_int128) (uint64_t) low - (prio_int128) (uint64_t) t2 -
							 (prio_int128) ((prio_uint128) t3 * 28),
						 (prio_uint128) (uint64_t) t1 + (prio_uint128) (uint64_t) t2 * 28 +
							 (prio_uint128) t3 * 783);
}

/* sum += a * b. At most FIELD128_SUM_TERMS calls between two reductions. */
static inline void
field128_sum_add_product(Field128Sum *sum, Field128 a, Field128 b)
{
	prio_uint128 mid = (prio_uint128) a.lo * b.hi;
	prio_uint128 mid2 = (prio_uint128) a.hi * b.lo;

	sum->low_carries += __builtin_add_overflow(sum->low, (prio_uint128) a.lo * b.lo, &sum->low);
	sum->mid_carries += __builtin_add_overflow(sum->mid, mid, &sum->mid);
	sum->mid_carries += __builtin_add_overflow(sum->mid, mid2, &sum->mid);
	sum->high_carries +=
		__builtin_add_overflow(sum->high, (prio_uint128) a.hi * b.hi, &sum->high);
}

/* sum += a */
static inline void
field128_sum_add(Field128Sum *sum, Field128 a)
{
	sum->low_carries += __builtin_add_overflow(sum->low, field128_to_integer(a), &sum->low);
}

/* The element that an unreduced sum stands for; see FIELD128_SUM_TERMS. */
static inline Field128
field128_sum_reduce(const Field128Sum *sum)
{
	uint64_t t0 = (uint64_t) sum->low;
	prio_uint128 t1 = (sum->low >> 64) + (uint64_t) sum->mid;
	prio_uint128 t2 = (t1 >> 64) + (uint64_t) (sum->mid >> 64) + (uint64_t) sum->high;
	prio_uint128 t3;
	uint64_t t4;

	t2 += sum->low_carries;
	t3 = (t2 >> 64) + (uint64_t) (sum->high >> 64) + sum->mid_carries;
	t4 = (uint64_t) (t3 >> 64) + sum->high_carries;
	return field128_fold((prio_int128) t0 - (prio_int128) (uint64_t) t2 -
							 (prio_int128) ((prio_uint128) (uint64_t) t3 * 28) -
							 (prio_int128) ((prio_uint128) t4 * 783),
						 (prio_uint128) (uint64_t) t1 + (prio_uint128) (uint64_t) t2 * 28 +
							 (prio_uint128) (uint64_t) t3 * 783 + (prio_uint128) t4 * 21896);
}

/* Who branches on the result of this shows it. */
static inline bool
field128_is_zero(Field128 a)
{
	return (a.lo | a.hi) == 0;
}

/* FIELD128_BYTES bytes, little endian. Reduced if and only if the value is below p. */
static inline Field128
field128_load(const uint8_t *bytes)
{
	return (Field128){prio_load_le64(bytes), prio_load_le64(bytes + 8)};
}

static inline void
field128_store(uint8_t *bytes, Field128 a)
{
	prio_store_le64(bytes, a.lo);
	prio_store_le64(bytes + 8, a.hi);
}

/* 1 if a is below p, else 0. */
static inline uint64_t
field128_is_reduced(Field128 a)
{
	return field128_to_integer(a) < FIELD128_P;
}

/* a to the power of exponent, which is public. */
extern Field128 prio_field128_pow(Field128 a, prio_uint128 exponent);

/* The root of unity of order 2^log_order; 0 <= log_order <= FIELD128_TWO_ADICITY. */
extern Field128 prio_field128_root(int log_order);

#endif /* PRIO_FIELD_FIELD128_H */
