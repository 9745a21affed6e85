/*
 * domain64.c
 *		The functions of domain.h over Field64.
 */
#include "field/domain.h"

#include "base/secret.h"

#define FIELD Field64
#define F(name) field64_##name
#define DOMAIN(name) prio_domain64_##name
#define FIELD_ONE FIELD64_ONE
#define FIELD_HALF FIELD64_HALF
#define FIELD_ROOT(log_order) prio_field64_root(log_order)

#include "field/domain_template.h"
