/*
 * status.c
 *		Texts for statuses.
 */
#include "base/status.h"

const char *
prio_status_text(PrioStatus status)
{
	switch (status)
	{
		case PRIO_OK:
			return "success";
		case PRIO_DECRYPTION_FAILED:
			return "decryption failed";
		case PRIO_MALFORMED:
			return "malformed packet";
		case PRIO_WRONG_BATCH:
			return "wrong batch";
		case PRIO_WRONG_SERVER:
			return "wrong server";
		case PRIO_WRONG_LENGTH:
			return "wrong length";
		case PRIO_BAD_POINT:
			return "query point is a root of unity";
		case PRIO_PROOF_FAILED:
			return "the proof does not hold";
		case PRIO_JOINT_RAND_DIFFERS:
			return "joint randomness does not fit";
		case PRIO_UNKNOWN_KEY:
			return "sealed to an unknown key";
		case PRIO_UNKNOWN_EXTENSION:
			return "unknown report extension";
		case PRIO_OUT_OF_RANGE:
			return "element out of range";
		case PRIO_MISMATCH:
			return "does not belong together";
		case PRIO_OTHER_VERSION:
			return "made by another version";
		case PRIO_OVERFLOW:
			return "sum does not fit 63 bits";
		case PRIO_NO_MEMORY:
			return "out of memory";
		case PRIO_NSS_FAILED:
			return "NSS failed";
		case PRIO_INTERRUPTED:
			return "interrupted";
	}
	return "unknown status";
}
