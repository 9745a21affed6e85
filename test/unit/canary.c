/*
 * canary.c
 *		Does on purpose what a sanitizer must not let pass. Where this program ends well,
 *		no success of the others built like it means anything.
 *
 * The input, a file, is the first letter of what it does.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Volatile, so that no compiler knows better. */
static uint8_t *volatile block;
static volatile int number = INT_MAX;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mine;

	if (size == 0)
		return 0;
	mine = block = malloc(size);
	switch (data[0])
	{
		case 'l': /* leak */
			mine = NULL;
			break;
		case 'o': /* read beyond the end */
			number = block[size];
			break;
		case 'u': /* undefined behaviour */
			number = number + 1;
			break;
	}
	block = NULL;
	free(mine);
	return 0;
}

/* Without libFuzzer, whose main() goes before. */
__attribute__((weak)) int
main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	uint8_t first;

	if (file == NULL || fread(&first, 1, 1, file) != 1)
		return 2;
	fclose(file);
	return LLVMFuzzerTestOneInput(&first, 1);
}
