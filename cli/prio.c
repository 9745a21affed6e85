/*
 * prio.c
 *		The command prio: the steps of the protocol over files of JSON lines.
 */
#include "lines.h"
#include "options.h"
#include "report.h"

#include <stdlib.h>

int
main(int argc, char **argv)
{
	const Command *command;

	report_begin();
	json_begin();
	command = options_parse(argc, argv);
	if (command != NULL)
		command->run(settings_get());
	exit(EXIT_DONE);
}
