/*
 * test_domain.c
 *		Transforms and Lagrange weights over both fields, against Horner's rule.
 */
#include "harness.h"

#include "field/domain.h"

#include <stdlib.h>

static bool
stop_at_once(void)
{
	return true;
}

#define FIELD Field64
#define F(name) field64_##name
#define DOMAIN(name) prio_domain64_##name
#define T(name) name##_64
#define FIELD_ZERO FIELD64_ZERO
#define FIELD_ONE FIELD64_ONE
#include "domain_tests.h"

#undef FIELD
#undef F
#undef DOMAIN
#undef T
#undef FIELD_ZERO
#undef FIELD_ONE

#define FIELD Field128
#define F(name) field128_##name
#define DOMAIN(name) prio_domain128_##name
#define T(name) name##_128
#define FIELD_ZERO FIELD128_ZERO
#define FIELD_ONE FIELD128_ONE
#include "domain_tests.h"

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transforms_64),     cmocka_unit_test(weights_64),
		cmocka_unit_test(long_ones_stop_64), cmocka_unit_test(transforms_128),
		cmocka_unit_test(weights_128),       cmocka_unit_test(long_ones_stop_128),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
