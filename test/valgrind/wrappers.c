/*
 * wrappers.c
 *		Shows valgrind more of what a server does that was not built for it. Preloaded by
 *		script/valgrind; no part of prio.
 *
 * valgrind calls a wrapper in place of the function that its symbol names, in whatever
 * library it finds that. Both functions have these arguments in PostgreSQL 14 to 18.
 */
#include <stddef.h>

#include <valgrind/memcheck.h>

#define STRING(text) STRING_OF_EXPANDED(text)
#define STRING_OF_EXPANDED(text) #text

/* Names the symbol; NONE stands for the program itself, which is no library. */
#define WRAPPER_OF(function) __asm__(STRING(I_WRAP_SONAME_FNNAME_ZU(NONE, function)))

extern void *make_context(void *parent, const char *name, size_t minimum, size_t initial,
						  size_t maximum) WRAPPER_OF(AllocSetContextCreateInternal);
extern size_t add_item(void *page, const void *item, size_t size, size_t number, size_t flags)
	WRAPPER_OF(PageAddItemExtended);

/*
 * palloc() cuts its chunks from large blocks of malloc(), and only behind a whole block
 * would memcheck see an overrun. But a chunk above a limit, which follows from the largest
 * size of a block, gets a block of its own. With this size the limit is 8 bytes (aset.c: a
 * quarter of the block, less headers). So nearly every chunk is a block of malloc(), with
 * an end, undefined when it is new and gone when it is freed.
 */
#define LARGEST_BLOCK 136

void *
make_context(void *parent, const char *name, size_t minimum, size_t initial, size_t maximum)
{
	OrigFn original;
	void *context;

	(void) maximum;
	VALGRIND_GET_ORIG_FN(original);
	CALL_FN_W_5W(context, original, parent, name, minimum, initial, LARGEST_BLOCK);
	return context;
}

/* What is stored in a page must be defined: else rows would hold what was in memory before. */
size_t
add_item(void *page, const void *item, size_t size, size_t number, size_t flags)
{
	OrigFn original;
	size_t offset;

	VALGRIND_GET_ORIG_FN(original);
	(void) VALGRIND_CHECK_MEM_IS_DEFINED(item, size);
	CALL_FN_W_5W(offset, original, page, item, size, number, flags);
	return offset;
}
