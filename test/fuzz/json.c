/*
 * json.c
 *		The scanner of lines against jansson's tree.
 *
 * Input: the line.
 */
#include "fuzz.h"

#include "json_tree.h"

/* libFuzzer's own mutators know bytes and words. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	(void) seed;
	return LLVMFuzzerMutate(data, size, max_size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void) check_against_tree((const char *) data, size);
	return 0;
}
