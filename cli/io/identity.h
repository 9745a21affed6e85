/*
 * identity.h
 *		Which file something is, whatever its path.
 */
#ifndef PRIO_CLI_IDENTITY_H
#define PRIO_CLI_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>

typedef struct FileIdentity
{
	dev_t device;
	ino_t inode;
} FileIdentity;

static inline FileIdentity
identity_of(const struct stat *status)
{
	return (FileIdentity){.device = status->st_dev, .inode = status->st_ino};
}

static inline bool
identity_equals(FileIdentity one, FileIdentity other)
{
	return one.device == other.device && one.inode == other.inode;
}

#endif /* PRIO_CLI_IDENTITY_H */
