/*
 * inject.h
 *		Makes calls fail that never do in a test: those to NSS, and for memory.
 *
 * The calls are replaced in this process alone, and only where prio, NSS and msgpack-c
 * make them: in the tables through which each of these objects calls others. What
 * PostgreSQL or a test itself calls is left alone.
 */
#ifndef PRIO_TEST_INJECT_H
#define PRIO_TEST_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum InjectKind
{
	INJECT_NSS,        /* what the core calls of NSS, but for the calls that free */
	INJECT_MALLOC,     /* malloc() and its like, in the core and msgpack-c */
	INJECT_POSTGRESQL, /* what src/pg calls of PostgreSQL and may raise an error */
	INJECT_KINDS
} InjectKind;

/* A function to replace: original is set to what callers would have got. */
typedef struct InjectFunction
{
	const char *name;
	void *replacement;
	void **original;
} InjectFunction;

/*
 * Replaces calls in the core and its libraries, once they are loaded. prio is the end of the name of the object
 * that the core is in; "" is the program itself.
 */
extern void inject_install(const char *prio);

/* Replaces calls to other functions in the objects whose name ends so. */
extern void inject_replace(const char *object, const InjectFunction *functions, int count);

/*
 * From now on lets the calls of one kind pass, skip of them, and fails the next one; with
 * forever all that follow, too.
 */
extern void inject_arm(InjectKind kind, uint64_t skip, bool forever);

/*
 * From now on there are so many bytes of memory for the core, NSS and msgpack-c together;
 * what they free can be had again.
 */
extern void inject_limit_memory(size_t bytes);

/* Nothing fails any more. Returns whether something did. */
extern bool inject_disarm(void);

/* For replacements: does this call fail? */
extern bool inject_fails(InjectKind kind);

/* For those of malloc(): is there so much memory? Then it was taken, or given back. */
extern bool inject_has_memory(size_t size);
extern void *inject_took_memory(void *memory);
extern void *inject_gave_memory(void *memory);

/* NSS objects that the core made and did not free yet. */
extern int64_t inject_live_objects(void);

/*
 * An NSS function that the core calls and that is not replaced, or NULL: the list in
 * inject.c is then out of date.
 */
extern const char *inject_forgotten(const char *prio);

#endif /* PRIO_TEST_INJECT_H */
