/*
 * faults_text.c
 *		What may be wrong with a packet, one text a line: for the test that the documents have
 *		them all.
 */
#include "base/status.h"

#include <stdio.h>

int
main(void)
{
	for (PrioStatus status = PRIO_OK; status <= PRIO_INTERRUPTED; status++)
		if (prio_is_packet_fault(status))
			printf("%s\n", prio_status_text(status));
	return 0;
}
