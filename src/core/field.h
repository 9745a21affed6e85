/*
 * field.h
 *		The prime field of Prio: integers modulo p = 2^87 + 2^19 + 1.
 *
 * Representation. An element is two limbs of 44 bits, value = lo + 2^44 hi. It is
 * *reduced* when lo < 2^44, hi < 2^44 and the value is below p (so hi <= 2^43). Every
 * function takes reduced elements and returns reduced elements unless its comment says
 * otherwise.
 *
 * Why 44 bits: the product of two limbs is below 2^88, so 2^39 of them can be added up
 * in 128 bits. A dot product therefore needs neither carries nor reductions on the way
 * (FieldSum), and a sum of elements needs none for 2^19 terms in 64-bit limbs. The same
 * limbs fit the 52-bit multipliers of AVX-512 IFMA.
 *
 * Reduction. 2^87 = -(2^19 + 1) modulo p, so that what lies above bit 87 folds down
 * with a shift and a small multiplication.
 *
 * Nothing here branches or indexes on the value of an element: all of it may be secret.
 */
#ifndef PRIO_FIELD_H
#define PRIO_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIELD_BITS 88  /* an element needs this many */
#define FIELD_BYTES 11 /* big endian, with leading zeros */
#define FIELD_LIMB_BITS 44
#define FIELD_LIMB_MASK ((UINT64_C(1) << FIELD_LIMB_BITS) - 1)
#define FIELD_TWO_ADICITY 19                 /* 2^19 divides p - 1 */
#define FIELD_FOLD ((UINT64_C(1) << 19) + 1) /* 2^87 = -FIELD_FOLD mod p */

__extension__ typedef unsigned __int128 uint128;
__extension__ typedef __int128 int128;

typedef struct FieldElement
{
	uint64_t lo; /* bits 0 .. 43 */
	uint64_t hi; /* bits 44 .. 87 */
} FieldElement;

/*
 * An unreduced sum of products: t0 + 2^44 t1 + 2^88 t2.
 *
 * With reduced operands one product adds less than 2^88 to t0, less than 2^89 to t1 and
 * at most 2^86 to t2. FIELD_SUM_TERMS products leave t0 and t1 far below 2^128, and t2
 * plus the carries below 2^107, which is what field_sum_reduce() can take.
 */
typedef struct FieldSum
{
	uint128 t0;
	uint128 t1;
	uint128 t2;
} FieldSum;

#define FIELD_SUM_TERMS (UINT64_C(1) << 20)

#define FIELD_P_HI (UINT64_C(1) << 43)
#define FIELD_P_LO FIELD_FOLD
#define FIELD_P (((uint128) 1 << 87) + FIELD_FOLD)

#define FIELD_ZERO ((FieldElement){0, 0})
#define FIELD_ONE ((FieldElement){1, 0})
#define FIELD_HALF ((FieldElement){((UINT64_C(1) << 18) + 1), UINT64_C(1) << 42}) /* 1/2 */

/* The value as an integer; the limbs need not be in range. */
static inline uint128
field_to_integer(FieldElement a)
{
	return (uint128) a.lo + ((uint128) a.hi << FIELD_LIMB_BITS);
}

/* The element with this value; value < 2^88, and reduced if and only if value < p. */
static inline FieldElement
field_from_integer(uint128 value)
{
	FieldElement a;

	a.lo = (uint64_t) value & FIELD_LIMB_MASK;
	a.hi = (uint64_t) (value >> FIELD_LIMB_BITS);
	return a;
}

/* 1 if a < b, else 0; the limbs must be in range, the values need not be below p. */
static inline uint64_t
field_less(FieldElement a, FieldElement b)
{
	uint64_t borrow = (a.lo - b.lo) >> 63;

	return (a.hi - b.hi - borrow) >> 63;
}

/* value in [-p, p) as an element. */
static inline FieldElement
field_from_signed(int128 value)
{
	uint128 borrow = (uint128) (value >> 127); /* all ones if negative */

	return field_from_integer((uint128) value + (borrow & FIELD_P));
}

static inline FieldElement
field_add(FieldElement a, FieldElement b)
{
	return field_from_signed((int128) (field_to_integer(a) + field_to_integer(b) - FIELD_P));
}

static inline FieldElement
field_sub(FieldElement a, FieldElement b)
{
	return field_from_signed((int128) (field_to_integer(a) - field_to_integer(b)));
}

static inline FieldElement
field_neg(FieldElement a)
{
	return field_sub(FIELD_ZERO, a);
}

/* sum += a * b. At most FIELD_SUM_TERMS calls between two reductions. */
static inline void
field_sum_add_product(FieldSum *sum, FieldElement a, FieldElement b)
{
	sum->t0 += (uint128) a.lo * b.lo;
	sum->t1 += (uint128) a.lo * b.hi;
	sum->t1 += (uint128) a.hi * b.lo;
	sum->t2 += (uint128) a.hi * b.hi;
}

/*
 * The element that an unreduced sum stands for. Input: the bounds of FieldSum.
 *
 * With low the 87 low bits and high what lies above them, value = low - high * fold;
 * high < 2^108 and fold < 2^19.1 keep that product below 2^128. Folding the product the
 * same way once more leaves a value in [-2^87, 2^87 + 2^61).
 */
static inline FieldElement
field_sum_reduce(const FieldSum *sum)
{
	uint128 mid = sum->t1 + (sum->t0 >> FIELD_LIMB_BITS);
	uint128 top = sum->t2 + (mid >> FIELD_LIMB_BITS);
	uint64_t lo = (uint64_t) sum->t0 & FIELD_LIMB_MASK;
	uint64_t hi = (uint64_t) mid & FIELD_LIMB_MASK;
	uint64_t hi_mask = (UINT64_C(1) << 43) - 1;
	uint128 high = (top << 1) | (hi >> 43);
	uint128 low = (uint128) lo | ((uint128) (hi & hi_mask) << FIELD_LIMB_BITS);
	uint128 fold = high * FIELD_FOLD;
	uint128 fold_low = fold & (((uint128) 1 << 87) - 1);
	uint64_t fold_high = (uint64_t) (fold >> 87);
	int128 value =
		(int128) low - (int128) fold_low + (int128) ((uint128) fold_high * FIELD_FOLD);

	/* Into [0, 2^87 + 2^61 + p), then below p: two steps that may each do nothing. */
	value += (int128) ((uint128) (value >> 127) & FIELD_P);
	return field_from_signed(value - (int128) FIELD_P);
}

static inline FieldElement
field_mul(FieldElement a, FieldElement b)
{
	FieldSum sum = {0, 0, 0};

	field_sum_add_product(&sum, a, b);
	return field_sum_reduce(&sum);
}

/* Who branches on the result of these two shows it. */
static inline bool
field_is_zero(FieldElement a)
{
	return (a.lo | a.hi) == 0;
}

static inline bool
field_equal(FieldElement a, FieldElement b)
{
	return ((a.lo ^ b.lo) | (a.hi ^ b.hi)) == 0;
}

static inline uint64_t
field_load_be64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* Eleven bytes, big endian. The result is reduced if and only if the value is below p. */
static inline FieldElement
field_from_bytes(const uint8_t *bytes)
{
	FieldElement a;

	a.hi = field_load_be64(bytes) >> 20;
	a.lo = field_load_be64(bytes + 3) & FIELD_LIMB_MASK;
	return a;
}

/* 1 if the limbs, each in range, stand for a value below p, else 0. */
static inline uint64_t
field_is_reduced(FieldElement a)
{
	return field_less(a, (FieldElement){FIELD_P_LO, FIELD_P_HI});
}

static inline void
field_to_bytes(FieldElement a, uint8_t *bytes)
{
	uint128 value = field_to_integer(a);

	for (int i = FIELD_BYTES - 1; i >= 0; i--)
	{
		bytes[i] = (uint8_t) value;
		value >>= 8;
	}
}

/*
 * a to the power of exponent, which is public; a may be secret. FIELD_ONE for 0^0.
 */
extern FieldElement field_pow(FieldElement a, uint128 exponent);

/* 1 / a; zero for zero. */
extern FieldElement field_inv(FieldElement a);

/* The root of unity of order 2^log_order; 0 <= log_order <= FIELD_TWO_ADICITY. */
extern FieldElement field_root(int log_order);

/* Overwrites memory that held something secret; never optimised away. */
extern void prio_wipe(void *memory, size_t size);

/*
 * Overwrites the stack below the caller, as far as anything here or NSS goes down. Variables
 * that hold secrets are wiped where they end; but the compiler puts registers aside wherever
 * it likes, and NSS makes copies of its own. So whoever uses src/core for something secret
 * calls this afterwards, from a function that holds no secrets itself.
 */
#define PRIO_STACK_BYTES 32768
extern void prio_wipe_stack(void);

/*
 * A number that was computed from secrets and is meant to be seen. From a secret to a
 * branch or an index every way leads through here, and test/secrets/poisoned.c watches
 * that: so it is a function of its own, never inlined. The callers say why it is harmless.
 */
extern uint64_t prio_declassify(uint64_t value);

#endif /* PRIO_FIELD_H */
