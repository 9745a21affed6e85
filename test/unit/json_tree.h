/*
 * json_tree.h
 *		What the scanner of JSON is compared with: jansson's tree of the same text.
 */
#ifndef PRIO_TEST_JSON_TREE_H
#define PRIO_TEST_JSON_TREE_H

#include "codec/json.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks for "id" and "payload" in the text, which is in a block of its own so that a sanitizer sees a
 * read beyond its end. Fails the test where scanner and tree do not come to the same; where jansson
 * stumbles over what nobody needs, the scanner may do either. Returns what the scanner says.
 */
extern bool check_against_tree(const char *text, size_t size);

#endif /* PRIO_TEST_JSON_TREE_H */
