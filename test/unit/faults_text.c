/*
 * faults_text.c
 *		What may be wrong with a packet of Prio v1, one text a line: for the test that the
 *		documents have them all.
 */
#include "base/status.h"

#include <stdio.h>

int
main(void)
{
	for (PrioStatus status = PRIO_OK; status <= PRIO_INTERRUPTED; status++)
		if (prio_is_packet_fault(status) &&
			(status < PRIO_BAD_POINT || status > PRIO_UNKNOWN_EXTENSION)) /* Prio3's and DAP's */
			printf("%s\n", prio_status_text(status));
	return 0;
}
