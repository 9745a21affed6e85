/*
 * domain_template.h
 *		The functions of domain.h for one field: included once for each.
 *
 * FIELD is the type of an element, F(name) a function of the field, DOMAIN(name) the name to
 * define, FIELD_ONE and FIELD_HALF what they say, and FIELD_ROOT(log_order) a root of unity.
 */

/* So many steps between two questions whether to stop: some milliseconds at most. */
#define STEPS_TO_STOP ((size_t) 65536)

static int
log_of(size_t power_of_two)
{
	return __builtin_ctzll(power_of_two);
}

/* 1 / size, for a power of two. */
static FIELD
inverse_of(size_t size)
{
	FIELD inverse = FIELD_ONE;

	for (int i = log_of(size); i > 0; i--)
		inverse = F(mul)(inverse, FIELD_HALF);
	return inverse;
}

PrioStatus
DOMAIN(roots)(FIELD *roots, size_t order, PrioStop stop)
{
	FIELD root = FIELD_ROOT(log_of(order));

	roots[0] = FIELD_ONE;
	for (size_t i = 1; i < order; i++)
	{
		if (i % STEPS_TO_STOP == 0 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
		roots[i] = F(mul)(roots[i - 1], root);
	}
	return PRIO_OK;
}

/* Into the order of indices whose bits are reversed. */
static void
reverse_bits(FIELD *values, size_t size)
{
	size_t reversed = 0;

	for (size_t i = 1; i < size; i++)
	{
		size_t bit = size >> 1;

		for (; reversed & bit; bit >>= 1)
			reversed ^= bit;
		reversed |= bit;
		if (i < reversed)
		{
			FIELD value = values[i];

			values[i] = values[reversed];
			values[reversed] = value;
		}
	}
}

static inline void
butterfly(FIELD *even, FIELD *odd, FIELD turned)
{
	FIELD value = *even;

	*even = F(add)(value, turned);
	*odd = F(sub)(value, turned);
}

PrioStatus
DOMAIN(transform)(FIELD *values, size_t size, const FIELD *roots, size_t order, bool inverse,
				  PrioStop stop)
{
	size_t steps = 0;

	reverse_bits(values, size);
	for (size_t half = 1; half < size; half *= 2)
	{
		/* The root of order 2 half is W^stride; its inverse powers come from the other end. */
		size_t stride = order / (2 * half);

		for (size_t start = 0; start < size; start += 2 * half)
		{
			/* The root is one there. */
			butterfly(&values[start], &values[start + half], values[start + half]);
			for (size_t i = 1; i < half; i++)
			{
				FIELD root = roots[inverse ? order - i * stride : i * stride];
				size_t at = start + i;

				butterfly(&values[at], &values[at + half], F(mul)(values[at + half], root));
			}
			steps += half;
			if (steps >= STEPS_TO_STOP)
			{
				if (prio_stopped(stop))
					return PRIO_INTERRUPTED;
				steps = 0;
			}
		}
	}
	return PRIO_OK;
}

/*
 * Running products from both ends: what comes before node k, and then what comes after it.
 */
PrioStatus
DOMAIN(wire_weights)(FIELD t, const FIELD *roots, size_t order, FIELD *wires, PrioStop stop)
{
	size_t wire_len = order / 2;
	FIELD before = inverse_of(wire_len);
	FIELD after = FIELD_ONE;

	for (size_t k = 0; k < wire_len; k++)
	{
		wires[k] = F(mul)(before, roots[2 * k]);
		before = F(mul)(before, F(sub)(t, roots[2 * k]));
		if (k % STEPS_TO_STOP == STEPS_TO_STOP - 1 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	for (size_t k = wire_len; k-- > 0;)
	{
		wires[k] = F(mul)(wires[k], after);
		after = F(mul)(after, F(sub)(t, roots[2 * k]));
		if (k % STEPS_TO_STOP == STEPS_TO_STOP - 1 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	/*
	 * This is t^P - 1, zero for one report in 2^38 or more. Both servers refuse such a report, and the
	 * client is told at most that.
	 */
	return prio_declassify(F(is_zero)(after)) == 0 ? PRIO_OK : PRIO_BAD_POINT;
}

PrioStatus
DOMAIN(gadget_weights)(FIELD t, const FIELD *roots, size_t order, FIELD *gadget, PrioStop stop)
{
	FIELD before = inverse_of(order);
	FIELD after = FIELD_ONE;

	/* The constant of W^k: W^k (W^k - W^-1) = W^2k - W^(k-1). */
	for (size_t k = 0; k < order - 1; k++)
	{
		FIELD constant =
			F(sub)(roots[2 * k & (order - 1)], roots[(k + order - 1) & (order - 1)]);

		gadget[k] = F(mul)(before, constant);
		before = F(mul)(before, F(sub)(t, roots[k]));
		if (k % STEPS_TO_STOP == STEPS_TO_STOP - 1 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	for (size_t k = order - 1; k-- > 0;)
	{
		gadget[k] = F(mul)(gadget[k], after);
		after = F(mul)(after, F(sub)(t, roots[k]));
		if (k % STEPS_TO_STOP == STEPS_TO_STOP - 1 && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	return PRIO_OK;
}

void
DOMAIN(powers)(FIELD t, FIELD *powers, size_t count)
{
	FIELD power = FIELD_ONE;

	for (size_t k = 0; k < count; k++)
	{
		powers[k] = power;
		power = F(mul)(power, t);
	}
}
