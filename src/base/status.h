/*
 * status.h
 *		What every function of the core that can fail reports.
 *
 * Nothing in the core throws or exits: the caller turns a status into NULL, false or
 * an error of its own.
 */
#ifndef PRIO_BASE_STATUS_H
#define PRIO_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum PrioStatus
{
	PRIO_OK = 0,

	/* The packet or message is at fault, and it alone (docs/protocol.md, "Server"). */
	PRIO_DECRYPTION_FAILED,  /* the tag does not fit, or no room for one */
	PRIO_MALFORMED,          /* not the MessagePack objects expected */
	PRIO_WRONG_BATCH,        /* another batch id */
	PRIO_WRONG_SERVER,       /* the integer names the other server */
	PRIO_WRONG_LENGTH,       /* a count is not n or N, or a seed not 16 bytes */
	PRIO_BAD_POINT,          /* Prio3: the query point is a root of unity */
	PRIO_PROOF_FAILED,       /* Prio3: the verifier shares do not add up */
	PRIO_JOINT_RAND_DIFFERS, /* Prio3: not the joint randomness that was used here */
	PRIO_UNKNOWN_KEY,        /* DAP: sealed to another key configuration */
	PRIO_UNKNOWN_EXTENSION,  /* DAP: a report extension that is not known here */
	PRIO_OUT_OF_RANGE,       /* an element is not below p */

	/* What was put together does not belong together. */
	PRIO_MISMATCH,      /* another role, length, batch, key or packet */
	PRIO_OTHER_VERSION, /* stored by a version that is not known here */
	PRIO_OVERFLOW,      /* a published sum does not fit 63 bits */

	/* The machine is at fault: the same call may succeed another time. */
	PRIO_NO_MEMORY,
	PRIO_NSS_FAILED, /* prio_nss_error_text() says more */
	PRIO_INTERRUPTED /* stop() said so; nothing was produced */
} PrioStatus;

/*
 * What long computations ask every few milliseconds, to give up with PRIO_INTERRUPTED when
 * it says so. NULL means never.
 */
typedef bool (*PrioStop)(void);

static inline bool
prio_stopped(PrioStop stop)
{
	return stop != NULL && stop();
}

/* Is the packet or message itself at fault, so that no retry can help? */
static inline bool
prio_is_packet_fault(PrioStatus status)
{
	return status >= PRIO_DECRYPTION_FAILED && status <= PRIO_OUT_OF_RANGE;
}

/* A short text in lower case, without a full stop; the caller does not free it. */
extern const char *prio_status_text(PrioStatus status);

#endif /* PRIO_BASE_STATUS_H */
