/*
 * domain_tests.h
 *		Tests of field/domain.h for one field: included once for each.
 */

static FIELD
T(random)(void)
{
	uint8_t bytes[16];

	do
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t) (test_random() >> 32);
	while (!F(is_reduced)(F(load)(bytes)));
	return F(load)(bytes);
}

static bool
T(equal)(FIELD a, FIELD b)
{
	return F(is_zero)(F(sub)(a, b));
}

/* The value at x of the polynomial with these coefficients. */
static FIELD
T(horner)(const FIELD *coefficients, size_t count, FIELD x)
{
	FIELD y = FIELD_ZERO;

	while (count-- > 0)
		y = F(add)(F(mul)(y, x), coefficients[count]);
	return y;
}

static void
T(transforms)(void **state)
{
	(void) state;
	for (size_t order = 2; order <= 128; order *= 2)
	{
		FIELD roots[128];

		assert_ok(DOMAIN(roots)(roots, order, NULL));
		for (size_t size = 1; size <= order; size *= 2)
		{
			FIELD coefficients[128];
			FIELD values[128];
			FIELD scale = FIELD_ZERO;

			for (size_t i = 0; i < size; i++)
			{
				coefficients[i] = values[i] = T(random)();
				scale = F(add)(scale, FIELD_ONE);
			}
			assert_ok(DOMAIN(transform)(values, size, roots, order, false, NULL));
			for (size_t i = 0; i < size; i++)
				assert_true(T(equal)(values[i],
									 T(horner)(coefficients, size, roots[i * (order / size)])));
			assert_ok(DOMAIN(transform)(values, size, roots, order, true, NULL));
			for (size_t i = 0; i < size; i++)
				assert_true(T(equal)(values[i], F(mul)(scale, coefficients[i])));
		}
	}
}

/* Both kinds of weights: what they say of a random polynomial is its value. */
static void
T(weights)(void **state)
{
	(void) state;
	for (size_t order = 4; order <= 128; order *= 2)
	{
		size_t wire_len = order / 2;
		FIELD roots[128];
		FIELD coefficients[128];
		FIELD wires[64];
		FIELD gadget[128];
		FIELD powers[128];
		FIELD t = T(random)();
		FIELD at_t = FIELD_ZERO;

		assert_ok(DOMAIN(roots)(roots, order, NULL));
		for (size_t i = 0; i < order - 1; i++)
			coefficients[i] = T(random)();
		assert_ok(DOMAIN(wire_weights)(t, roots, order, wires, NULL));
		for (size_t k = 0; k < wire_len; k++)
			at_t =
				F(add)(at_t, F(mul)(wires[k], T(horner)(coefficients, wire_len, roots[2 * k])));
		assert_true(T(equal)(at_t, T(horner)(coefficients, wire_len, t)));

		assert_ok(DOMAIN(gadget_weights)(t, roots, order, gadget, NULL));
		at_t = FIELD_ZERO;
		for (size_t k = 0; k < order - 1; k++)
			at_t = F(add)(at_t, F(mul)(gadget[k], T(horner)(coefficients, order - 1, roots[k])));
		assert_true(T(equal)(at_t, T(horner)(coefficients, order - 1, t)));

		DOMAIN(powers)(t, powers, order - 1);
		at_t = FIELD_ZERO;
		for (size_t k = 0; k < order - 1; k++)
			at_t = F(add)(at_t, F(mul)(powers[k], coefficients[k]));
		assert_true(T(equal)(at_t, T(horner)(coefficients, order - 1, t)));

		/* At a node of the gadget alone the weights are those of that node. */
		assert_ok(DOMAIN(wire_weights)(roots[1], roots, order, wires, NULL));
		assert_ok(DOMAIN(gadget_weights)(roots[1], roots, order, gadget, NULL));
		for (size_t k = 0; k < order - 1; k++)
			assert_true(T(equal)(gadget[k], k == 1 ? FIELD_ONE : FIELD_ZERO));
		for (size_t k = 0; k < wire_len; k++)
			assert_status(DOMAIN(wire_weights)(roots[2 * k], roots, order, wires, NULL),
						  PRIO_BAD_POINT);
	}
}

static void
T(long_ones_stop)(void **state)
{
	size_t order = (size_t) 1 << 19;
	FIELD *roots = malloc(order * sizeof(FIELD));
	FIELD *values = calloc(order, sizeof(FIELD));

	(void) state;
	assert_status(DOMAIN(roots)(roots, order, stop_at_once), PRIO_INTERRUPTED);
	assert_ok(DOMAIN(roots)(roots, order, NULL));
	assert_status(DOMAIN(transform)(values, order, roots, order, false, stop_at_once),
				  PRIO_INTERRUPTED);
	assert_status(DOMAIN(wire_weights)(T(random)(), roots, order, values, stop_at_once),
				  PRIO_INTERRUPTED);
	assert_status(DOMAIN(gadget_weights)(T(random)(), roots, order, values, stop_at_once),
				  PRIO_INTERRUPTED);
	free(roots);
	free(values);
}
