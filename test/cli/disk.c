/*
 * disk.c
 *		Loaded before libc, stands between the command and the disk, as DISK says:
 *		unset		tests are quick: nothing waits for the disk
 *		log			says on standard error in which order files are synced and renamed
 *		fsync		does that, too, and every sync fails
 *		rename		the same for every rename
 *		second		the second rename fails
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Says that the call happens; should it fail? */
static int
fails(const char *call)
{
	const char *disk = getenv("DISK");

	if (disk == NULL)
		return 0;
	fprintf(stderr, "prio: disk: %s\n", call);
	errno = EIO;
	return strcmp(disk, call) == 0;
}

int
fsync(int fd)
{
	(void) fd;
	return fails("fsync") ? -1 : 0;
}

int
rename(const char *from, const char *to)
{
	static int renames;
	const char *disk = getenv("DISK");
	int (*next)(const char *, const char *);

	if (disk != NULL && strcmp(disk, "second") == 0 && ++renames == 2)
	{
		errno = EIO;
		return -1;
	}
	*(void **) &next = dlsym(RTLD_NEXT, "rename");
	return fails("rename") ? -1 : next(from, to);
}
