/*
 * field64.h
 *		Field64 of Prio3: integers modulo p = 2^64 - 2^32 + 1.
 *
 * An element is one limb, *reduced* when it is below p. Every function takes reduced
 * elements and returns reduced elements. In bytes it is the limb, little endian, 8 bytes.
 *
 * Reduction: 2^64 = 2^32 - 1 and 2^96 = -1 modulo p (docs/prio3.md, "Arithmetic").
 *
 * Nothing here branches or indexes on the value of an element: all of it may be secret.
 */
#ifndef PRIO_FIELD_FIELD64_H
#define PRIO_FIELD_FIELD64_H

#include "base/int128.h"
#include "base/secret.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

#define FIELD64_BYTES 8
#define FIELD64_TWO_ADICITY 32 /* 2^32 divides p - 1 */
#define FIELD64_P UINT64_C(0xffffffff00000001)
#define FIELD64_EPSILON UINT64_C(0xffffffff) /* 2^64 - p */

typedef struct Field64
{
	uint64_t value;
} Field64;

/*
 * An unreduced sum of products: low + 2^128 carries. 2^64 products of reduced elements
 * leave no overflow.
 */
typedef struct Field64Sum
{
	prio_uint128 low;
	uint64_t carries;
} Field64Sum;

#define FIELD64_ZERO ((Field64){0})
#define FIELD64_ONE ((Field64){1})
#define FIELD64_HALF ((Field64){UINT64_C(0x7fffffff80000001)}) /* 1/2 */

/* value + 2^64 carry as an element, if that is below 2p. */
static inline Field64
field64_reduce_once(uint64_t value, uint64_t carry)
{
	uint64_t without_p = value + FIELD64_EPSILON; /* value - p modulo 2^64 */
	uint64_t above = carry | (uint64_t) (without_p < value);

	return (Field64){value + (prio_mask(above) & FIELD64_EPSILON)};
}

static inline Field64
field64_add(Field64 a, Field64 b)
{
	uint64_t sum = a.value + b.value;

	return field64_reduce_once(sum, sum < a.value);
}

static inline Field64
field64_sub(Field64 a, Field64 b)
{
	uint64_t difference = a.value - b.value;

	return (Field64){difference - (prio_mask(a.value < b.value) & FIELD64_EPSILON)};
}

static inline Field64
field64_neg(Field64 a)
{
	return field64_sub(FIELD64_ZERO, a);
}

/*
 * Any 128 bits as an element. With x = x_0 + 2^64 (x_1 + 2^32 x_2): x_0 - x_2 + x_1 (2^32 - 1).
 */
static inline Field64
field64_from_wide(prio_uint128 x)
{
	uint64_t low = (uint64_t) x;
	uint64_t high = (uint64_t) (x >> 64);
	uint64_t x2 = high >> 32;
	uint64_t x1 = high & FIELD64_EPSILON;
	uint64_t difference = low - x2;
	uint64_t product = x1 * FIELD64_EPSILON; /* at most 2^64 - 2^33 + 1 */
	uint64_t sum;

	/* A borrow is 2^64, which is EPSILON; low - x2 is above 2^63 then, and stays so. */
	difference -= prio_mask(low < x2) & FIELD64_EPSILON;
	sum = difference + product;
	/* A carry likewise; sum is below 2^64 - 2^33 then, so that adding it cannot carry. */
	sum += prio_mask(sum < product) & FIELD64_EPSILON;
	return field64_reduce_once(sum, 0);
}

static inline Field64
field64_mul(Field64 a, Field64 b)
{
	return field64_from_wide((prio_uint128) a.value * b.value);
}

static inline Field64
field64_from_integer(uint64_t value)
{
	return field64_reduce_once(value, 0);
}

static inline prio_uint128
field64_to_integer(Field64 a)
{
	return a.value;
}

/* sum += a * b */
static inline void
field64_sum_add_product(Field64Sum *sum, Field64 a, Field64 b)
{
	prio_uint128 product = (prio_uint128) a.value * b.value;

	sum->low += product;
	sum->carries += sum->low < product;
}

/* sum += a */
static inline void
field64_sum_add(Field64Sum *sum, Field64 a)
{
	sum->low += a.value;
	sum->carries += sum->low < a.value;
}

/* The element that an unreduced sum stands for. */
static inline Field64
field64_sum_reduce(const Field64Sum *sum)
{
	/* 2^128 = -2^32 */
	Field64 high = field64_from_wide((prio_uint128) sum->carries << 32);

	return field64_sub(field64_from_wide(sum->low), high);
}

/* Who branches on the result of this shows it. */
static inline bool
field64_is_zero(Field64 a)
{
	return a.value == 0;
}

/* FIELD64_BYTES bytes, little endian. Reduced if and only if the value is below p. */
static inline Field64
field64_load(const uint8_t *bytes)
{
	return (Field64){prio_load_le64(bytes)};
}

static inline void
field64_store(uint8_t *bytes, Field64 a)
{
	prio_store_le64(bytes, a.value);
}

/* 1 if a is below p, else 0. */
static inline uint64_t
field64_is_reduced(Field64 a)
{
	return a.value < FIELD64_P;
}

/* a to the power of exponent, which is public. */
extern Field64 prio_field64_pow(Field64 a, uint64_t exponent);

/* The root of unity of order 2^log_order; 0 <= log_order <= FIELD64_TWO_ADICITY. */
extern Field64 prio_field64_root(int log_order);

#endif /* PRIO_FIELD_FIELD64_H */
