/*
 * avx2.c
 *		Dot products, rejection sampling and Keccak with AVX2 and BMI2.
 */
#include "kernels/variants.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi2")))

/*
 * Four terms at a time, by the multiplier of 32 bits. An element is three limbs of 30 bits
 * here, the last of at most 2^27; limbs of products with the same weight add up in one column, so
 * value = c_0 + 2^30 c_1 + 2^60 c_2 + 2^90 c_3 + 2^120 c_4.
 *
 * A column grows by at most 2 (2^30 - 1)^2 a term: eight of them fit 64 bits, and then its low and
 * its high 32 bits go into sums of their own.
 */
#define LIMB_BITS 30
#define COLUMNS 5
#define COLUMN_TERMS 8
/* So many additions of 32 bits fit 64 bits, and FIELD87_SUM_TERMS is far from it. */
typedef struct ColumnSums
{
	__m256i low[COLUMNS];
	__m256i high[COLUMNS];
} ColumnSums;

TARGET static inline void
load_limbs(const Field87 *a, __m256i limb[3])
{
	const __m256i mask = _mm256_set1_epi64x((INT64_C(1) << LIMB_BITS) - 1);
	__m256i first = _mm256_loadu_si256((const __m256i *) (const void *) a);
	__m256i second = _mm256_loadu_si256((const __m256i *) (const void *) (a + 2));
	__m256i lo = _mm256_unpacklo_epi64(first, second);
	__m256i hi = _mm256_unpackhi_epi64(first, second);

	limb[0] = _mm256_and_si256(lo, mask);
	limb[1] =
		_mm256_or_si256(_mm256_srli_epi64(lo, LIMB_BITS),
						_mm256_and_si256(_mm256_slli_epi64(hi, FIELD87_LIMB_BITS - LIMB_BITS),
										 mask));
	limb[2] = _mm256_srli_epi64(hi, 2 * LIMB_BITS - FIELD87_LIMB_BITS);
}

#define ADD(a, b) _mm256_add_epi64(a, b)
#define MULTIPLY(a, b) _mm256_mul_epu32(a, b)

TARGET static inline void
add_terms(__m256i column[COLUMNS], const Field87 *a, const Field87 *b)
{
	__m256i x[3];
	__m256i y[3];

	load_limbs(a, x);
	load_limbs(b, y);
	/* Written out: the compiler keeps columns in registers only then. */
	column[0] = ADD(column[0], MULTIPLY(x[0], y[0]));
	column[1] = ADD(column[1], ADD(MULTIPLY(x[0], y[1]), MULTIPLY(x[1], y[0])));
	column[2] = ADD(column[2], MULTIPLY(x[1], y[1]));
	column[2] = ADD(column[2], ADD(MULTIPLY(x[0], y[2]), MULTIPLY(x[2], y[0])));
	column[3] = ADD(column[3], ADD(MULTIPLY(x[1], y[2]), MULTIPLY(x[2], y[1])));
	column[4] = ADD(column[4], MULTIPLY(x[2], y[2]));
}

TARGET static inline void
add_columns(ColumnSums *sums, const __m256i column[COLUMNS])
{
	const __m256i mask = _mm256_set1_epi64x(0xffffffff);

	for (int i = 0; i < COLUMNS; i++)
	{
		sums->low[i] = _mm256_add_epi64(sums->low[i], _mm256_and_si256(column[i], mask));
		sums->high[i] = _mm256_add_epi64(sums->high[i], _mm256_srli_epi64(column[i], 32));
	}
}

/* The four lanes of one column. */
TARGET static prio_uint128
add_lanes(__m256i low, __m256i high)
{
	uint64_t low_lanes[4] = {0};
	uint64_t high_lanes[4] = {0};
	prio_uint128 sum = 0;

	_mm256_storeu_si256((__m256i *) (void *) low_lanes, low);
	_mm256_storeu_si256((__m256i *) (void *) high_lanes, high);
	for (int i = 0; i < 4; i++)
		sum += low_lanes[i] + ((prio_uint128) high_lanes[i] << 32);
	return sum;
}

/* Columns to the three sums of Field87Sum, which have weights of 2^0, 2^44 and 2^88. */
TARGET static void
add_dot_avx2(Field87Sum *sum, const Field87 *a, const Field87 *b, size_t count)
{
	ColumnSums sums = {0};
	size_t vectors = count / 4;
	size_t done = 0;

	while (done < vectors)
	{
		size_t end = vectors - done < COLUMN_TERMS ? vectors : done + COLUMN_TERMS;
		__m256i column[COLUMNS] = {0};

		for (; done < end; done++)
			add_terms(column, a + 4 * done, b + 4 * done);
		add_columns(&sums, column);
	}
	sum->t0 += add_lanes(sums.low[0], sums.high[0]) +
		(add_lanes(sums.low[1], sums.high[1]) << LIMB_BITS);
	sum->t1 += add_lanes(sums.low[2], sums.high[2]) << (2 * LIMB_BITS - FIELD87_LIMB_BITS);
	sum->t2 +=
		(add_lanes(sums.low[3], sums.high[3]) << (3 * LIMB_BITS - 2 * FIELD87_LIMB_BITS)) +
		(add_lanes(sums.low[4], sums.high[4]) << (4 * LIMB_BITS - 2 * FIELD87_LIMB_BITS));
	prio_kernels_add_dot_portable(sum, a + 4 * vectors, b + 4 * vectors, count - 4 * vectors);
}

/*
 * A candidate becomes an element by one shuffle, a shift and a mask: bytes 10 down to 3 as
 * a little endian quadword, whose low 44 bits are lo, then 7 down to 1 and 11 in place of 0, where hi
 * is 20 bits up. It is written in any case, and counts if its top byte, nearly alone, says so.
 */
TARGET static size_t
accept_avx2(const uint8_t *bytes, size_t candidates, Field87 *out)
{
	const __m128i shuffle = _mm_setr_epi8(10, 9, 8, 7, 6, 5, 4, 3, 7, 6, 5, 4, 3, 2, 1, 11);
	const __m128i shift = _mm_set_epi64x(20, 0);
	const __m128i mask = _mm_set_epi64x(-1, (long long) FIELD87_LIMB_MASK);
	size_t found = 0;

	/* The load goes four bytes beyond the candidate. */
	for (; candidates > 1; candidates--, bytes += FIELD87_CANDIDATE_BYTES)
	{
		__m128i x = _mm_loadu_si128((const __m128i *) (const void *) bytes);
		uint8_t top = bytes[FIELD87_BYTES];

		x = _mm_and_si128(_mm_srlv_epi64(_mm_shuffle_epi8(x, shuffle), shift), mask);
		_mm_storeu_si128((__m128i *) (void *) (out + found), x);
		found += top < 0x80;
		/* hi = 2^43, or a little more: once in 256 lo has to be looked at, too. */
		if (top == 0x80)
			found += prio_kernels_accept_portable(bytes, 1, out + found);
	}
	return found + prio_kernels_accept_portable(bytes, candidates, out + found);
}

/* ------------------------------------------------------------------ Keccak */

#define LANE __m256i
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR5(a, b, c, d, e) XOR(XOR(XOR(a, b), XOR(c, d)), e)
#define ROL(a, n) _mm256_or_si256(_mm256_slli_epi64(a, n), _mm256_srli_epi64(a, 64 - (n)))
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define CONSTANT(c) _mm256_set1_epi64x((long long) (c))
#define LOAD(from) _mm256_loadu_si256((const __m256i *) (const void *) (from))
#define STORE(to, a) _mm256_storeu_si256((__m256i *) (void *) (to), a)
#define KECCAK keccak_avx2
#define KECCAK_TARGET TARGET
#define KECCAK_WIDTH 4

#include "kernels/keccak_template.h"

static bool
is_supported(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

const PrioKernels prio_kernels_avx2 = {"AVX2",      is_supported, add_dot_avx2,
									   accept_avx2, KECCAK_WIDTH, keccak_avx2};

#endif
