/*
 * kernels.c
 *		Dot products and rejection sampling, portable and for AVX-512.
 */
#include "kernels.h"

/* ------------------------------------------------------------------ portable */

static void
add_dot_portable(FieldSum *sum, const FieldElement *a, const FieldElement *b, size_t count)
{
	FieldSum local = *sum;

	for (size_t i = 0; i < count; i++)
		field_sum_add_product(&local, a[i], b[i]);
	*sum = local;
}

/*
 * Lists what is accepted first, and fetches it then: both loops are free of jumps that
 * the processor could not predict. The top byte of the integer decides, but for the one
 * value of it in 256 that p begins with.
 */
static size_t
accept_portable(const uint8_t *bytes, size_t tries, FieldElement *out)
{
	enum
	{
		BLOCK = 256
	};
	size_t found = 0;

	while (tries > 0)
	{
		uint16_t accepted[BLOCK];
		size_t block = tries < BLOCK ? tries : BLOCK;
		size_t count = 0;

		for (size_t i = 0; i < block; i++)
		{
			uint8_t top = bytes[i * TRY_BYTES + FIELD_BYTES];

			accepted[count] = (uint16_t) (i * TRY_BYTES);
			count += top < 0x80;
			if (top == 0x80)
				count += field_is_reduced(element_from_try(bytes + i * TRY_BYTES)) != 0;
		}
		for (size_t i = 0; i < count; i++)
			out[found + i] = element_from_try(bytes + accepted[i]);
		found += count;
		bytes += block * TRY_BYTES;
		tries -= block;
	}
	return found;
}

static const Kernels portable = {"portable", add_dot_portable, accept_portable};

const Kernels *kernels = &portable;

/* ------------------------------------------------------------------ AVX-512 */

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512ifma,avx512vbmi")))

/*
 * Four elements a register, as they lie in memory: lo, hi, lo, hi ... The 52-bit
 * multipliers give the low 52 bits and the rest of each 88-bit product. Multiplying with
 * the limbs swapped gives the mixed products.
 */
typedef struct VectorSum
{
	__m512i straight_low; /* lo lo, hi hi, lo lo ... */
	__m512i straight_high;
	__m512i crossed_low; /* lo hi, hi lo, lo hi ... */
	__m512i crossed_high;
} VectorSum;

/* So many products, below 2^52 each, fit the 64 bits of a lane. */
#define VECTOR_SUM_TERMS ((size_t) 4096)

TARGET static inline void
vector_add_products(VectorSum *sum, const FieldElement *a, const FieldElement *b)
{
	__m512i x = _mm512_loadu_si512(a);
	__m512i y = _mm512_loadu_si512(b);
	__m512i swapped = _mm512_permutex_epi64(y, _MM_SHUFFLE(2, 3, 0, 1));

	sum->straight_low = _mm512_madd52lo_epu64(sum->straight_low, x, y);
	sum->straight_high = _mm512_madd52hi_epu64(sum->straight_high, x, y);
	sum->crossed_low = _mm512_madd52lo_epu64(sum->crossed_low, x, swapped);
	sum->crossed_high = _mm512_madd52hi_epu64(sum->crossed_high, x, swapped);
}

/* The lanes with an even or odd index, added up: low parts + 2^52 high parts. */
TARGET static uint128
add_lanes(__m512i low, __m512i high, int first)
{
	uint64_t low_lanes[8];
	uint64_t high_lanes[8];
	uint128 sum = 0;

	_mm512_storeu_si512(low_lanes, low);
	_mm512_storeu_si512(high_lanes, high);
	for (int i = first; i < 8; i += 2)
		sum += low_lanes[i] + ((uint128) high_lanes[i] << 52);
	return sum;
}

TARGET static void
add_vector_sum(FieldSum *sum, const VectorSum *vector)
{
	sum->t0 += add_lanes(vector->straight_low, vector->straight_high, 0);
	sum->t2 += add_lanes(vector->straight_low, vector->straight_high, 1);
	sum->t1 += add_lanes(vector->crossed_low, vector->crossed_high, 0);
	sum->t1 += add_lanes(vector->crossed_low, vector->crossed_high, 1);
}

TARGET static void
add_dot_avx512(FieldSum *sum, const FieldElement *a, const FieldElement *b, size_t count)
{
	while (count >= 8)
	{
		VectorSum even = {0};
		VectorSum odd = {0};
		size_t block = count / 8 * 8;

		if (block > 8 * VECTOR_SUM_TERMS)
			block = 8 * VECTOR_SUM_TERMS;
		for (size_t i = 0; i < block; i += 8)
		{
			vector_add_products(&even, a + i, b + i);
			vector_add_products(&odd, a + i + 4, b + i + 4);
		}
		add_vector_sum(sum, &even);
		add_vector_sum(sum, &odd);
		a += block;
		b += block;
		count -= block;
	}
	add_dot_portable(sum, a, b, count);
}

/*
 * Eight tries at a time. They take 96 bytes, in two registers that overlap: bytes 0 .. 63
 * hold tries 0 .. 4, bytes 32 .. 95 tries 5 .. 7. A byte index of 64 and up is in the
 * second one.
 */
#define TRY_AT(t) ((t) < 5 ? 12 * (t) : 64 + 12 * (t) -32)
/* clang-format off */
/* Bytes 10 down to 3 of a try, a little endian quadword whose low 44 bits are lo. */
#define LO_BYTES(t) \
	TRY_AT(t) + 10, TRY_AT(t) + 9, TRY_AT(t) + 8, TRY_AT(t) + 7, \
	TRY_AT(t) + 6, TRY_AT(t) + 5, TRY_AT(t) + 4, TRY_AT(t) + 3
/* Bytes 7 down to 1, and 11 in place of 0: hi is 20 bits up. */
#define HI_BYTES(t) \
	TRY_AT(t) + 7, TRY_AT(t) + 6, TRY_AT(t) + 5, TRY_AT(t) + 4, \
	TRY_AT(t) + 3, TRY_AT(t) + 2, TRY_AT(t) + 1, TRY_AT(t) + 11

static const uint8_t lo_bytes[64] = {
	LO_BYTES(0), LO_BYTES(1), LO_BYTES(2), LO_BYTES(3),
	LO_BYTES(4), LO_BYTES(5), LO_BYTES(6), LO_BYTES(7)
};
static const uint8_t hi_bytes[64] = {
	HI_BYTES(0), HI_BYTES(1), HI_BYTES(2), HI_BYTES(3),
	HI_BYTES(4), HI_BYTES(5), HI_BYTES(6), HI_BYTES(7)
};
/* clang-format on */

TARGET static size_t
accept_avx512(const uint8_t *bytes, size_t tries, FieldElement *out)
{
	const __m512i lo_index = _mm512_loadu_si512(lo_bytes);
	const __m512i hi_index = _mm512_loadu_si512(hi_bytes);
	const __m512i lo_mask = _mm512_set1_epi64((long long) FIELD_LIMB_MASK);
	const __m512i p_hi = _mm512_set1_epi64((long long) FIELD_P_HI);
	const __m512i first_half = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
	const __m512i second_half = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
	size_t found = 0;

	for (; tries >= 8; tries -= 8, bytes += (size_t) 8 * TRY_BYTES)
	{
		__m512i first = _mm512_loadu_si512(bytes);
		__m512i second = _mm512_loadu_si512(bytes + 32);
		__m512i lo = _mm512_permutex2var_epi8(first, lo_index, second);
		__m512i hi = _mm512_permutex2var_epi8(first, hi_index, second);
		__mmask8 below;

		lo = _mm512_and_si512(lo, lo_mask);
		hi = _mm512_srli_epi64(hi, 20);
		/* hi = 2^43 leaves it to lo, once in 2^44 tries: not worth a fast way. */
		if (_mm512_cmpeq_epu64_mask(hi, p_hi) != 0)
		{
			found += accept_portable(bytes, 8, out + found);
			continue;
		}
		below = _mm512_cmplt_epu64_mask(hi, p_hi);
		lo = _mm512_maskz_compress_epi64(below, lo);
		hi = _mm512_maskz_compress_epi64(below, hi);
		_mm512_storeu_si512(out + found, _mm512_permutex2var_epi64(lo, first_half, hi));
		_mm512_storeu_si512(out + found + 4, _mm512_permutex2var_epi64(lo, second_half, hi));
		found += (size_t) __builtin_popcount(below);
	}
	return found + accept_portable(bytes, tries, out + found);
}

static const Kernels avx512 = {"AVX-512", add_dot_avx512, accept_avx512};

static bool
have_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi");
}

#endif

/* ------------------------------------------------------------------ choice */

static const Kernels *available[2] = {&portable};
static size_t available_count = 1;

__attribute__((constructor)) static void
choose_kernels(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
	__builtin_cpu_init();
	if (have_avx512())
		available[available_count++] = &avx512;
#endif
	kernels = available[available_count - 1];
}

const Kernels *const *
kernels_available(size_t *count)
{
	*count = available_count;
	return available;
}
