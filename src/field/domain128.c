/*
 * domain128.c
 *		The functions of domain.h over Field128.
 */
#include "field/domain.h"

#include "base/secret.h"

#define FIELD Field128
#define F(name) field128_##name
#define DOMAIN(name) prio_domain128_##name
#define FIELD_ONE FIELD128_ONE
#define FIELD_HALF FIELD128_HALF
#define FIELD_ROOT(log_order) prio_field128_root(log_order)

#include "field/domain_template.h"
