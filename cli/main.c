/*
 * main.c
 *		The command prio: the steps of the protocol over files of JSON lines.
 */
#include "io/lines.h"
#include "options.h"
#include "exit.h"

#include <stdlib.h>

int
main(int argc, char **argv)
{
	const Command *command;

	exit_begin();
	json_begin();
	command = options_parse(argc, argv);
	if (command != NULL)
		command->run(settings_get());
	exit(EXIT_DONE);
}
