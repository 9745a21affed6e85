/*
 * main.c
 *		The command prio: the steps of the protocol over files of JSON lines.
 */
#include "commands/commands.h"
#include "exit.h"
#include "io/lines.h"
#include "io/output.h"
#include "options.h"
#include "progress.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ commands */

#define BATCH (OPTION_BIT(OPTION_N_DATA) | OPTION_BIT(OPTION_BATCH_ID))
#define PUBLIC_KEYS \
	(OPTION_BIT(OPTION_PUBLIC_KEY_HEX_INTERNAL) | OPTION_BIT(OPTION_PUBLIC_KEY_HEX_EXTERNAL))
#define SERVER \
	(OPTION_BIT(OPTION_SERVER_ID) | OPTION_BIT(OPTION_PRIVATE_KEY_HEX) | \
	 OPTION_BIT(OPTION_SHARED_SECRET))
#define INPUT OPTION_BIT(OPTION_INPUT)
#define BOTH_INPUTS (OPTION_BIT(OPTION_INPUT_INTERNAL) | OPTION_BIT(OPTION_INPUT_EXTERNAL))
#define OUTPUT OPTION_BIT(OPTION_OUTPUT)
#define BOTH_OUTPUTS (OPTION_BIT(OPTION_OUTPUT_A) | OPTION_BIT(OPTION_OUTPUT_B))
#define PRG OPTION_BIT(OPTION_PRG)
#define BITS OPTION_BIT(OPTION_BITS)
#define ORDINALS OPTION_BIT(OPTION_ORDINALS)
#define SKIPPED OPTION_BIT(OPTION_SKIPPED_STATUS)
#define VDAF OPTION_BIT(OPTION_VDAF)
#define DRAFT OPTION_BIT(OPTION_DRAFT)

static const Command commands[] = {
	{"keygen", "make a key pair, as JSON", 0, 0, run_keygen},
	{"shared-seed", "make a secret for both servers to share, as JSON", 0, 0, run_shared_seed},
	{"encode-shares", "split the data of clients into shares for both servers",
	 BATCH | PUBLIC_KEYS | INPUT | BOTH_OUTPUTS, PRG | BITS | SKIPPED, run_encode_shares},
	{"verify1", "open shares: messages of round 1 to the other server",
	 BATCH | SERVER | PUBLIC_KEYS | INPUT | OUTPUT, PRG | BITS | ORDINALS | SKIPPED,
	 run_verify1},
	{"verify2", "check shares: messages of round 2 to the other server",
	 BATCH | SERVER | PUBLIC_KEYS | INPUT | BOTH_INPUTS | OUTPUT,
	 PRG | BITS | ORDINALS | SKIPPED, run_verify2},
	{"aggregate", "add up the valid shares",
	 BATCH | SERVER | PUBLIC_KEYS | INPUT | BOTH_INPUTS | OUTPUT,
	 PRG | BITS | ORDINALS | SKIPPED, run_aggregate},
	{"publish", "put the totals of both servers together", BOTH_INPUTS | OUTPUT,
	 BATCH | SERVER | PUBLIC_KEYS | PRG | BITS | ORDINALS | SKIPPED, run_publish},
	{"prio3-keygen", "make a verify key for both servers of Prio3, as JSON", 0, DRAFT,
	 run_prio3_keygen},
	{"prio3-shard", "split measurements of clients into shares of Prio3",
	 VDAF | INPUT | BOTH_OUTPUTS, DRAFT | PRIO3_PARAMETERS | SKIPPED, run_prio3_shard},
};

/* ------------------------------------------------------------------ the process */

/* However the process ends: no file that is half written, no key in memory. */
static void
clean_up(void)
{
	progress_end();
	outputs_discard();
	settings_wipe();
}

int
main(int argc, char **argv)
{
	const Command *command;

	exit_begin(clean_up);
	json_begin();
	command = options_parse(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
	if (command != NULL)
		command->run(settings_get());
	exit(EXIT_DONE);
}
