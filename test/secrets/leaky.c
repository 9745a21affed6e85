/*
 * leaky.c
 *		Functions that leak what they compute with: machine_code.py has to see it, or its
 *		silence about others means nothing.
 */
#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx512f,avx512ifma")))

extern uint64_t leak_by_a_branch(const uint64_t *a);
extern uint64_t leak_by_a_sum(const uint64_t *a, uint64_t count);
extern uint64_t leak_by_an_index(const uint64_t *a, const uint64_t *b);
extern uint64_t leak_by_a_store(const uint64_t *a, uint64_t *b);
extern uint64_t leak_by_a_lane(const uint64_t *a);
extern uint64_t leak_by_a_comparison(const uint64_t *a);
extern uint64_t leak_by_a_call(const uint64_t *a);
extern uint64_t leak_by_an_array(const uint64_t *a);

uint64_t
leak_by_a_branch(const uint64_t *a)
{
	uint64_t steps = 0;

	for (uint64_t i = *a; i != 0; i &= i - 1)
		steps++;
	return steps;
}

/* Only the carry of a sum. */
uint64_t
leak_by_a_sum(const uint64_t *a, uint64_t count)
{
	uint64_t steps = 0;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
	{
		if (__builtin_add_overflow(sum, a[i], &sum))
			__asm__ volatile("" : "+r"(steps)); /* so that it stays a branch */
		else
			steps += i;
	}
	return steps;
}

uint64_t
leak_by_an_index(const uint64_t *a, const uint64_t *b)
{
	return b[*a & 0xff];
}

uint64_t
leak_by_a_store(const uint64_t *a, uint64_t *b)
{
	b[*a & 0xff] = 1;
	return 0;
}

TARGET static __m512i
product(const uint64_t *a)
{
	__m512i x = _mm512_loadu_si512(a);

	return _mm512_madd52lo_epu64(x, x, x);
}

TARGET uint64_t
leak_by_a_lane(const uint64_t *a)
{
	uint64_t lane = (uint64_t) _mm_cvtsi128_si64(_mm512_castsi512_si128(product(a)));

	return a[lane & 7];
}

TARGET uint64_t
leak_by_a_comparison(const uint64_t *a)
{
	__m512i x = product(a);

	if (_mm512_cmplt_epu64_mask(x, _mm512_set1_epi64(12345)) != 0)
		__asm__ volatile("" ::: "memory");
	return 0;
}

TARGET __attribute__((noinline)) static uint64_t
first_lane(const uint64_t *a)
{
	return (uint64_t) _mm_cvtsi128_si64(_mm512_castsi512_si128(product(a)));
}

TARGET uint64_t
leak_by_a_call(const uint64_t *a)
{
	return a[first_lane(a) & 7];
}

/* By way of the stack. */
TARGET uint64_t
leak_by_an_array(const uint64_t *a)
{
	volatile uint64_t lanes[8];
	uint64_t steps = 0;

	_mm512_storeu_si512((void *) lanes, product(a));
	while (steps < lanes[3])
		steps++;
	return steps;
}
