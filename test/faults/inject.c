/*
 * inject.c
 *		Makes calls fail that never do in a test.
 *
 * A dynamically linked object calls a function of another one through an entry of a table
 * of its own, which the dynamic linker fills in. Here the entries of some functions are
 * overwritten. With LD_PRELOAD these would be replaced for everybody, and the functions of
 * PostgreSQL's own program not at all.
 */
#include "inject.h"

#include <dlfcn.h>
#include <keyhi.h>
#include <link.h>
#include <malloc.h>
#include <nss.h>
#include <pk11pub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#define IS_CALL_ENTRY(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#elif defined(__aarch64__)
#define IS_CALL_ENTRY(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#else
#error "which relocations does this processor have for calls?"
#endif

static void
fail(const char *what, const char *name)
{
	fprintf(stderr, "inject: %s %s\n", what, name);
	abort();
}

/* ------------------------------------------------------------------ what fails */

static bool armed;
static bool failed;
static bool fails_forever;
static InjectKind armed_kind;
static uint64_t calls_left;
static bool limited;
static int64_t bytes_left;
static int64_t live_objects;

void
inject_arm(InjectKind kind, uint64_t skip, bool forever)
{
	armed_kind = kind;
	calls_left = skip;
	fails_forever = forever;
	failed = false;
	armed = true;
}

bool
inject_disarm(void)
{
	armed = limited = false;
	return failed;
}

bool
inject_fails(InjectKind kind)
{
	if (!armed || kind != armed_kind || (failed && !fails_forever))
		return false;
	if (calls_left > 0)
	{
		calls_left--;
		return false;
	}
	failed = true;
	return true;
}

int64_t
inject_live_objects(void)
{
	return live_objects;
}

/* ------------------------------------------------------------------ NSS */

/*
 * A failure leaves NSS's error of an earlier call in place, as some of its own do. This is
 * the worst that can happen to somebody who asks for it.
 */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and parameters do not go into any */

/* Makes one object. */
#define MAKES(type, name, parameters, arguments) \
	static type *(*original_##name) parameters; \
	static type *replaced_##name parameters \
	{ \
		type *made = inject_fails(INJECT_NSS) ? NULL : original_##name arguments; \
		live_objects += made != NULL; \
		return made; \
	}

/* Frees one. */
#define FREES(type, name, parameters, arguments) \
	static type(*original_##name) parameters; \
	static type replaced_##name parameters \
	{ \
		live_objects--; \
		original_##name arguments; \
	}

/* Does neither; failure is what it returns then. */
#define CALLS(type, name, parameters, arguments, failure) \
	static type(*original_##name) parameters; \
	static type replaced_##name parameters \
	{ \
		return inject_fails(INJECT_NSS) ? (failure) : original_##name arguments; \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

MAKES(NSSInitContext, NSS_InitContext,
	  (const char *directory, const char *cert_prefix, const char *key_prefix,
	   const char *module_name, NSSInitParameters *parameters, PRUint32 flags),
	  (directory, cert_prefix, key_prefix, module_name, parameters, flags))
MAKES(PK11SlotInfo, PK11_GetInternalSlot, (void), ())
MAKES(PK11Context, PK11_CreateDigestContext, (SECOidTag tag), (tag))
MAKES(PK11Context, PK11_CreateContextBySymKey,
	  (CK_MECHANISM_TYPE mechanism, CK_ATTRIBUTE_TYPE operation, PK11SymKey *key,
	   const SECItem *parameters),
	  (mechanism, operation, key, parameters))
MAKES(CERTSubjectPublicKeyInfo, SECKEY_DecodeDERSubjectPublicKeyInfo, (const SECItem *der),
	  (der))
MAKES(SECKEYPublicKey, SECKEY_ExtractPublicKey, (const CERTSubjectPublicKeyInfo *info), (info))
MAKES(PK11SymKey, PK11_ImportSymKey,
	  (PK11SlotInfo * slot, CK_MECHANISM_TYPE mechanism, PK11Origin origin,
	   CK_ATTRIBUTE_TYPE operation, SECItem *key, void *wincx),
	  (slot, mechanism, origin, operation, key, wincx))
MAKES(PK11SymKey, PK11_PubDeriveWithKDF,
	  (SECKEYPrivateKey * private_key, SECKEYPublicKey *public_key, PRBool is_sender,
	   SECItem *random_a, SECItem *random_b, CK_MECHANISM_TYPE derive,
	   CK_MECHANISM_TYPE target, CK_ATTRIBUTE_TYPE operation, int key_size, CK_ULONG kdf,
	   SECItem *shared_data, void *wincx),
	  (private_key, public_key, is_sender, random_a, random_b, derive, target, operation,
	   key_size, kdf, shared_data, wincx))

FREES(void, SECKEY_DestroySubjectPublicKeyInfo, (CERTSubjectPublicKeyInfo * info), (info))
FREES(void, SECKEY_DestroyPublicKey, (SECKEYPublicKey * key), (key))
FREES(void, SECKEY_DestroyPrivateKey, (SECKEYPrivateKey * key), (key))
FREES(void, PK11_FreeSymKey, (PK11SymKey * key), (key))
FREES(void, PK11_DestroyContext, (PK11Context * context, PRBool free_it), (context, free_it))

CALLS(SECStatus, PK11_GenerateRandom, (unsigned char *data, int size), (data, size), SECFailure)
CALLS(SECStatus, PK11_DigestBegin, (PK11Context * context), (context), SECFailure)
CALLS(SECStatus, PK11_DigestOp,
	  (PK11Context * context, const unsigned char *data, unsigned int size),
	  (context, data, size), SECFailure)
CALLS(SECStatus, PK11_DigestFinal,
	  (PK11Context * context, unsigned char *data, unsigned int *size, unsigned int room),
	  (context, data, size, room), SECFailure)
CALLS(SECStatus, PK11_CipherOp,
	  (PK11Context * context, unsigned char *out, int *out_size, int room,
	   const unsigned char *in, int size),
	  (context, out, out_size, room, in, size), SECFailure)
CALLS(SECStatus, PK11_Encrypt,
	  (PK11SymKey * key, CK_MECHANISM_TYPE mechanism, SECItem *parameters, unsigned char *out,
	   unsigned int *out_size, unsigned int room, const unsigned char *data, unsigned int size),
	  (key, mechanism, parameters, out, out_size, room, data, size), SECFailure)
CALLS(SECStatus, PK11_Decrypt,
	  (PK11SymKey * key, CK_MECHANISM_TYPE mechanism, SECItem *parameters, unsigned char *out,
	   unsigned int *out_size, unsigned int room, const unsigned char *data, unsigned int size),
	  (key, mechanism, parameters, out, out_size, room, data, size), SECFailure)
CALLS(SECStatus, PK11_ExtractKeyValue, (PK11SymKey * key), (key), SECFailure)
CALLS(SECItem *, PK11_GetKeyData, (PK11SymKey * key), (key), NULL)

static SECStatus (*original_PK11_ImportDERPrivateKeyInfoAndReturnKey)(
	PK11SlotInfo *, SECItem *, SECItem *, SECItem *, PRBool, PRBool, unsigned int,
	SECKEYPrivateKey **, void *);

static SECStatus
replaced_PK11_ImportDERPrivateKeyInfoAndReturnKey(PK11SlotInfo *slot, SECItem *der,
												  SECItem *nickname, SECItem *public_value,
												  PRBool permanent, PRBool is_private,
												  unsigned int usage, SECKEYPrivateKey **key,
												  void *wincx)
{
	SECStatus status = SECFailure;

	if (!inject_fails(INJECT_NSS))
		status =
			original_PK11_ImportDERPrivateKeyInfoAndReturnKey(slot, der, nickname,
															  public_value, permanent,
															  is_private, usage, key, wincx);
	live_objects += status == SECSuccess;
	return status;
}

#define REPLACE(name) \
	{ \
#name, (void *) replaced_##name, (void **) &original_##name \
	}

static const InjectFunction nss_functions[] = {
	REPLACE(NSS_InitContext),
	REPLACE(PK11_CipherOp),
	REPLACE(PK11_CreateContextBySymKey),
	REPLACE(PK11_CreateDigestContext),
	REPLACE(PK11_Decrypt),
	REPLACE(PK11_DestroyContext),
	REPLACE(PK11_DigestBegin),
	REPLACE(PK11_DigestFinal),
	REPLACE(PK11_DigestOp),
	REPLACE(PK11_Encrypt),
	REPLACE(PK11_ExtractKeyValue),
	REPLACE(PK11_FreeSymKey),
	REPLACE(PK11_GenerateRandom),
	REPLACE(PK11_GetInternalSlot),
	REPLACE(PK11_GetKeyData),
	REPLACE(PK11_ImportDERPrivateKeyInfoAndReturnKey),
	REPLACE(PK11_ImportSymKey),
	REPLACE(PK11_PubDeriveWithKDF),
	REPLACE(SECKEY_DecodeDERSubjectPublicKeyInfo),
	REPLACE(SECKEY_DestroyPrivateKey),
	REPLACE(SECKEY_DestroyPublicKey),
	REPLACE(SECKEY_DestroySubjectPublicKeyInfo),
	REPLACE(SECKEY_ExtractPublicKey),
};

/* ------------------------------------------------------------------ memory */

void
inject_limit_memory(size_t bytes)
{
	failed = false;
	bytes_left = (int64_t) bytes;
	limited = true;
}

bool
inject_has_memory(size_t size)
{
	if (limited && (int64_t) size > bytes_left)
	{
		failed = true;
		return false;
	}
	return true;
}

void *
inject_took_memory(void *memory)
{
	if (limited)
		bytes_left -= (int64_t) malloc_usable_size(memory);
	return memory;
}

void *
inject_gave_memory(void *memory)
{
	if (limited)
		bytes_left += (int64_t) malloc_usable_size(memory);
	return memory;
}

static void *(*original_malloc)(size_t);
static void *(*original_calloc)(size_t, size_t);
static void *(*original_realloc)(void *, size_t);
static void (*original_free)(void *);

static void *
replaced_malloc(size_t size)
{
	return inject_has_memory(size) ? inject_took_memory(original_malloc(size)) : NULL;
}

static void *
replaced_calloc(size_t count, size_t size)
{
	return inject_has_memory(count * size) ? inject_took_memory(original_calloc(count, size)) :
											 NULL;
}

static void *
replaced_realloc(void *memory, size_t size)
{
	return inject_has_memory(size) ?
		inject_took_memory(original_realloc(inject_gave_memory(memory), size)) :
		NULL;
}

static void
replaced_free(void *memory)
{
	original_free(inject_gave_memory(memory));
}

/* Those of a program or module with the core, and of msgpack-c, may fail one by one. */
static void *
failing_malloc(size_t size)
{
	return inject_fails(INJECT_MALLOC) ? NULL : replaced_malloc(size);
}

static void *
failing_calloc(size_t count, size_t size)
{
	return inject_fails(INJECT_MALLOC) ? NULL : replaced_calloc(count, size);
}

static void *
failing_realloc(void *memory, size_t size)
{
	return inject_fails(INJECT_MALLOC) ? NULL : replaced_realloc(memory, size);
}

static const InjectFunction failing_functions[] = {
	{"malloc", (void *) failing_malloc, (void **) &original_malloc},
	{"calloc", (void *) failing_calloc, (void **) &original_calloc},
	{"realloc", (void *) failing_realloc, (void **) &original_realloc},
	REPLACE(free),
};

static const InjectFunction memory_functions[] = {
	REPLACE(malloc),
	REPLACE(calloc),
	REPLACE(realloc),
	REPLACE(free),
};

/* Everything that NSS allocates memory in. */
static const char *const nss_libraries[] = {"libnss3",    "libnssutil3",   "libnspr4",
											"libplc4",    "libplds4",      "libsoftokn3",
											"libfreebl3", "libfreeblpriv3"};

/* ------------------------------------------------------------------ replacing */

/* What one walk over the calls of all loaded objects is about. */
typedef struct Walk
{
	bool (*matches)(const char *object, const char *name);
	const char *name;
	const InjectFunction *functions;
	int count;
	const char *forgotten;
} Walk;

/* Does the file of this object have a name that ends so? */
static bool
ends_with(const char *object, const char *end)
{
	size_t length = strlen(object);

	if (*end == '\0')
		return length == 0;
	return length >= strlen(end) && strcmp(object + length - strlen(end), end) == 0;
}

/* Is it this library, whatever its folder and version? */
static bool
is_library(const char *object, const char *library)
{
	const char *file = strrchr(object, '/');

	file = file == NULL ? object : file + 1;
	return strncmp(file, library, strlen(library)) == 0 &&
		strncmp(file + strlen(library), ".so", 3) == 0;
}

static void
replace_entry(void **entry, const InjectFunction *function)
{
	uintptr_t page_size = (uintptr_t) sysconf(_SC_PAGESIZE);
	char *page = (char *) entry - (uintptr_t) entry % page_size;

	/* Not what the entry holds, which may still be the way to look the function up. */
	if (*function->original == NULL)
		*function->original = dlsym(RTLD_DEFAULT, function->name);
	if (*function->original == NULL)
		fail("cannot find", function->name);
	/* The linker may have made it read-only. */
	if (mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0)
		fail("cannot replace", function->name);
	*entry = function->replacement;
}

/* NSS names what it exports alike. */
static bool
is_nss_function(const char *name)
{
	return strncmp(name, "PK11_", 5) == 0 || strncmp(name, "NSS_", 4) == 0 ||
		strncmp(name, "SEC", 3) == 0;
}

static void
walk_table(Walk *walk, uintptr_t base, const ElfW(Rela) * table, size_t size,
		   const ElfW(Sym) * symbols, const char *strings)
{
	for (size_t i = 0; i < size / sizeof(ElfW(Rela)); i++)
	{
		const char *name = strings + symbols[ELF64_R_SYM(table[i].r_info)].st_name;
		bool found = false;

		if (!IS_CALL_ENTRY(ELF64_R_TYPE(table[i].r_info)))
			continue;
		for (int j = 0; j < walk->count; j++)
		{
			if (strcmp(name, walk->functions[j].name) == 0)
			{
				replace_entry((void **) (base + table[i].r_offset), &walk->functions[j]);
				found = true;
			}
		}
		if (!found && is_nss_function(name))
			walk->forgotten = name;
	}
}

static int
walk_object(struct dl_phdr_info *info, size_t size, void *argument)
{
	Walk *walk = argument;
	const ElfW(Dyn) *dynamic = NULL;
	uintptr_t values[DT_JMPREL + 1] = {0};

	(void) size;
	if (!walk->matches(info->dlpi_name, walk->name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag >= 0 && dynamic->d_tag <= DT_JMPREL)
			values[dynamic->d_tag] = dynamic->d_un.d_val;
	walk_table(walk, info->dlpi_addr, (const ElfW(Rela) *) values[DT_RELA], values[DT_RELASZ],
			   (const ElfW(Sym) *) values[DT_SYMTAB], (const char *) values[DT_STRTAB]);
	walk_table(walk, info->dlpi_addr, (const ElfW(Rela) *) values[DT_JMPREL],
			   values[DT_PLTRELSZ], (const ElfW(Sym) *) values[DT_SYMTAB],
			   (const char *) values[DT_STRTAB]);
	return 0;
}

static const char *
replace_in(bool (*matches)(const char *, const char *), const char *name,
		   const InjectFunction *functions, int count)
{
	Walk walk = {matches, name, functions, count, NULL};

	dl_iterate_phdr(walk_object, &walk);
	return walk.forgotten;
}

void
inject_replace(const char *object, const InjectFunction *functions, int count)
{
	replace_in(ends_with, object, functions, count);
}

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* How many objects were ever loaded. */
static int
count_loaded(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void) size;
	*(unsigned long long *) argument = info->dlpi_adds;
	return 1;
}

void
inject_install(const char *prio)
{
	static unsigned long long loaded_before;
	unsigned long long loaded = 0;

	dl_iterate_phdr(count_loaded, &loaded);
	if (loaded == loaded_before)
		return;
	loaded_before = loaded;
	inject_replace(prio, nss_functions, LENGTH(nss_functions));
	/* A program may have malloc() from a sanitizer, in itself: the linker's --wrap then. */
	if (*prio != '\0')
		inject_replace(prio, failing_functions, LENGTH(failing_functions));
	replace_in(is_library, "libmsgpackc", failing_functions, LENGTH(failing_functions));
	replace_in(is_library, "libmsgpack-c", failing_functions, LENGTH(failing_functions));
	for (int i = 0; i < LENGTH(nss_libraries); i++)
		replace_in(is_library, nss_libraries[i], memory_functions, LENGTH(memory_functions));
}

const char *
inject_forgotten(const char *prio)
{
	return replace_in(ends_with, prio, nss_functions, LENGTH(nss_functions));
}
