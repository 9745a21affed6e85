/*
 * avx512.c
 *		Dot products, rejection sampling and Keccak with AVX-512: F, BW, IFMA and VBMI.
 */
#include "kernels/variants.h"

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
vector_add_products(VectorSum *sum, const Field87 *a, const Field87 *b)
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
TARGET static prio_uint128
add_lanes(__m512i low, __m512i high, int first)
{
	uint64_t low_lanes[8];
	uint64_t high_lanes[8];
	prio_uint128 sum = 0;

	_mm512_storeu_si512(low_lanes, low);
	_mm512_storeu_si512(high_lanes, high);
	for (int i = first; i < 8; i += 2)
		sum += low_lanes[i] + ((prio_uint128) high_lanes[i] << 52);
	return sum;
}

TARGET static void
add_vector_sum(Field87Sum *sum, const VectorSum *vector)
{
	sum->t0 += add_lanes(vector->straight_low, vector->straight_high, 0);
	sum->t2 += add_lanes(vector->straight_low, vector->straight_high, 1);
	sum->t1 += add_lanes(vector->crossed_low, vector->crossed_high, 0);
	sum->t1 += add_lanes(vector->crossed_low, vector->crossed_high, 1);
}

TARGET static void
add_dot_avx512(Field87Sum *sum, const Field87 *a, const Field87 *b, size_t count)
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
	prio_kernels_add_dot_portable(sum, a, b, count);
}

/*
 * Eight candidates at a time. They take 96 bytes, in two registers that overlap: bytes 0 .. 63
 * hold candidates 0 .. 4, bytes 32 .. 95 candidates 5 .. 7. A byte index of 64 and up is in the
 * second one.
 */
#define CANDIDATE_AT(t) ((t) < 5 ? 12 * (t) : 64 + 12 * (t) -32)
/* clang-format off */
/* Bytes 10 down to 3 of a candidate, a little endian quadword whose low 44 bits are lo. */
#define LO_BYTES(t) \
	CANDIDATE_AT(t) + 10, CANDIDATE_AT(t) + 9, CANDIDATE_AT(t) + 8, CANDIDATE_AT(t) + 7, \
	CANDIDATE_AT(t) + 6, CANDIDATE_AT(t) + 5, CANDIDATE_AT(t) + 4, CANDIDATE_AT(t) + 3
/* Bytes 7 down to 1, and 11 in place of 0: hi is 20 bits up. */
#define HI_BYTES(t) \
	CANDIDATE_AT(t) + 7, CANDIDATE_AT(t) + 6, CANDIDATE_AT(t) + 5, CANDIDATE_AT(t) + 4, \
	CANDIDATE_AT(t) + 3, CANDIDATE_AT(t) + 2, CANDIDATE_AT(t) + 1, CANDIDATE_AT(t) + 11

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
accept_avx512(const uint8_t *bytes, size_t candidates, Field87 *out)
{
	const __m512i lo_index = _mm512_loadu_si512(lo_bytes);
	const __m512i hi_index = _mm512_loadu_si512(hi_bytes);
	const __m512i lo_mask = _mm512_set1_epi64((long long) FIELD87_LIMB_MASK);
	const __m512i p_hi = _mm512_set1_epi64((long long) FIELD87_P_HI);
	const __m512i first_half = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
	const __m512i second_half = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
	size_t found = 0;

	for (; candidates >= 8; candidates -= 8, bytes += (size_t) 8 * FIELD87_CANDIDATE_BYTES)
	{
		__m512i first = _mm512_loadu_si512(bytes);
		__m512i second = _mm512_loadu_si512(bytes + 32);
		__m512i lo = _mm512_permutex2var_epi8(first, lo_index, second);
		__m512i hi = _mm512_permutex2var_epi8(first, hi_index, second);
		__mmask8 below;

		lo = _mm512_and_si512(lo, lo_mask);
		hi = _mm512_srli_epi64(hi, 20);
		/* hi = 2^43 leaves it to lo, once in 2^44 candidates: not worth a fast way. */
		if (_mm512_cmpeq_epu64_mask(hi, p_hi) != 0)
		{
			found += prio_kernels_accept_portable(bytes, 8, out + found);
			continue;
		}
		below = _mm512_cmplt_epu64_mask(hi, p_hi);
		lo = _mm512_maskz_compress_epi64(below, lo);
		hi = _mm512_maskz_compress_epi64(below, hi);
		_mm512_storeu_si512(out + found, _mm512_permutex2var_epi64(lo, first_half, hi));
		_mm512_storeu_si512(out + found + 4, _mm512_permutex2var_epi64(lo, second_half, hi));
		found += (size_t) __builtin_popcount(below);
	}
	return found + prio_kernels_accept_portable(bytes, candidates, out + found);
}

/* ------------------------------------------------------------------ Keccak */

#define LANE __m512i
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define XOR5(a, b, c, d, e) XOR3(XOR3(a, b, c), d, e)
#define ROL(a, n) _mm512_rol_epi64(a, n)
#define CHI(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xd2)
#define CONSTANT(c) _mm512_set1_epi64((long long) (c))
#define LOAD(from) _mm512_loadu_si512(from)
#define STORE(to, a) _mm512_storeu_si512(to, a)
#define KECCAK keccak_avx512
#define KECCAK_TARGET TARGET
#define KECCAK_WIDTH 8

#include "kernels/keccak_template.h"

static bool
is_supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi");
}

const PrioKernels prio_kernels_avx512 = {"AVX-512",     is_supported, add_dot_avx512,
										 accept_avx512, KECCAK_WIDTH, keccak_avx512};

#endif
