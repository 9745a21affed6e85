/*
 * elements.c
 *		Vectors of field elements as bytes.
 */
#include "prio3/elements.h"

#include "base/secret.h"
#include "field/field128.h"
#include "field/field64.h"

#include <string.h>

bool
prio3_elements_are_reduced(const Prio3Vdaf *vdaf, const uint8_t *bytes, size_t count)
{
	uint64_t reduced = 1;

	if (vdaf->element_size == FIELD64_BYTES)
		for (size_t i = 0; i < count; i++)
			reduced &= field64_is_reduced(field64_load(bytes + i * FIELD64_BYTES));
	else
		for (size_t i = 0; i < count; i++)
			reduced &= field128_is_reduced(field128_load(bytes + i * FIELD128_BYTES));
	return prio_declassify(reduced) != 0;
}

void
prio3_elements_add(const Prio3Vdaf *vdaf, uint8_t *a, const uint8_t *b, size_t count)
{
	if (vdaf->element_size == FIELD64_BYTES)
		for (size_t i = 0; i < count * FIELD64_BYTES; i += FIELD64_BYTES)
			field64_store(a + i, field64_add(field64_load(a + i), field64_load(b + i)));
	else
		for (size_t i = 0; i < count * FIELD128_BYTES; i += FIELD128_BYTES)
			field128_store(a + i, field128_add(field128_load(a + i), field128_load(b + i)));
}

void
prio3_elements_subtract(const Prio3Vdaf *vdaf, uint8_t *a, const uint8_t *b, size_t count)
{
	if (vdaf->element_size == FIELD64_BYTES)
		for (size_t i = 0; i < count * FIELD64_BYTES; i += FIELD64_BYTES)
			field64_store(a + i, field64_sub(field64_load(a + i), field64_load(b + i)));
	else
		for (size_t i = 0; i < count * FIELD128_BYTES; i += FIELD128_BYTES)
			field128_store(a + i, field128_sub(field128_load(a + i), field128_load(b + i)));
}

size_t
prio3_elements_accept(const Prio3Vdaf *vdaf, uint8_t *bytes, size_t count)
{
	size_t size = vdaf->element_size;
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
	{
		/* Moving it over itself is what happens nearly always, and to nearly all of them. */
		if (prio3_elements_are_reduced(vdaf, bytes + i * size, 1))
			memmove(bytes + size * found++, bytes + i * size, size);
	}
	return found;
}
