/*
 * prio3_measurement.h
 *		Measurements in SQL, and their shares.
 */
#ifndef PRIO_PG_PRIO3_MEASUREMENT_H
#define PRIO_PG_PRIO3_MEASUREMENT_H

#include "server.h"

/* The types of the argument, one overload each. */
typedef enum PrioMeasurement
{
	PRIO_BIGINT,   /* Count, Sum, Histogram */
	PRIO_BIGINTS,  /* SumVec, L1BoundSum */
	PRIO_BOOLEANS, /* MultihotCountVec */
} PrioMeasurement;

/*
 * Shards the measurement in an argument of this type (docs/prio3.md, "Prio3 around it"), with fresh
 * randomness: writes the public share and both input shares, where there is room for them, and wipes
 * everything else. Raises an error for what is no measurement of this server's VDAF; what was
 * written is wiped then.
 */
extern void prio_shard_measurement(FunctionCallInfo fcinfo, CachedServer *server, int argument,
								   PrioMeasurement type, const uint8_t nonce[PRIO3_NONCE_BYTES],
								   uint8_t *public_share, uint8_t *const input_share[2]);

#endif /* PRIO_PG_PRIO3_MEASUREMENT_H */
