/*
 * secrets.c
 *		Loads secrets from the options of user mappings, and from files.
 */
#include "secrets.h"

#include "options.h"
#include "storage/fd.h"

#include <unistd.h>

/*
 * Reads a small text file, but not the white space at its end. What a caller gets to see
 * does not name the file, which only the owner of a mapping may know; the log does.
 */
static Size
read_key_file(const char *path, const char *server_name, char *out, Size size)
{
	int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size);
	struct stat status;

	if (length < 0 || fstat(fd, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read a key file of server \"%s\": %m", server_name),
				 errdetail_log("The file is \"%s\".", path),
				 errhint(
					 "The server log names the file. The operating system user of the server must be able to read it.")));
	if (prio_key_file_is_open_to_others(&status))
	{
		prio_wipe(out, size);
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("a key file of server \"%s\" is open to others", server_name),
				 errdetail_log("The file is \"%s\".", path),
				 errhint(
					 "The server log names the file. It must have mode 0600, or 0640 if root owns it.")));
	}
	CloseTransientFile(fd);
	return prio_trimmed_length(out, (Size) length);
}

/*
 * One secret of size bytes, from the option itself or from its file. Wipes its own copies; an
 * option that is no file stays in the caches of the catalogs.
 */
static void
load_secret(List *options, const char *name, const char *file_name, const char *server_name,
			PrioParseSecret parse, const char *expected, uint8_t *out, Size size)
{
	const char *option = name;
	char *value = prio_option(options, name);
	bool valid;

	if (value != NULL)
	{
		valid = parse(value, strlen(value), out);
		prio_wipe(value, strlen(value));
	}
	else
	{
		const char *path = prio_option(options, file_name);
		char content[PRIO_KEY_FILE_MAX_BYTES];
		Size length;

		if (path == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("option \"%s\" is required", name),
					 errdetail("The user mapping for server \"%s\" has neither it nor %s.",
							   server_name, file_name)));
		length = read_key_file(path, server_name, content, sizeof(content));
		option = file_name;
		valid = parse(content, length, out);
		prio_wipe(content, sizeof(content));
	}
	if (valid)
		return;
	prio_wipe(out, size);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("option \"%s\" of the user mapping for server \"%s\" holds no key", option,
					server_name),
			 errdetail("Expected %s.", expected)));
}

void
prio_load_private_key(List *options, const char *server_name,
					  uint8_t private_key[PRIO_KEY_BYTES])
{
	load_secret(options, "private_key", "private_key_file", server_name, prio_parse_key,
				PRIO_EXPECTED_KEY, private_key, PRIO_KEY_BYTES);
}

void
prio_load_shared_secret(List *options, const char *server_name,
						uint8_t shared_secret[PRIO1_SEED_BYTES])
{
	load_secret(options, "shared_secret", "shared_secret_file", server_name,
				prio_parse_shared_secret, PRIO_EXPECTED_SHARED_SECRET, shared_secret,
				PRIO1_SEED_BYTES);
}

void
prio_load_previous_private_key(List *options, const char *server_name,
							   uint8_t private_key[PRIO_KEY_BYTES])
{
	load_secret(options, "previous_private_key", "previous_private_key_file", server_name,
				prio_parse_key, PRIO_EXPECTED_KEY, private_key, PRIO_KEY_BYTES);
}

void
prio_load_verify_key(List *options, const char *server_name, Size size,
					 uint8_t verify_key[PRIO3_MAX_SEED_BYTES])
{
	bool is_short = size < PRIO3_MAX_SEED_BYTES;

	load_secret(options, "verify_key", "verify_key_file", server_name,
				is_short ? prio_parse_short_verify_key : prio_parse_key,
				is_short ? PRIO_EXPECTED_SHORT_VERIFY_KEY : PRIO_EXPECTED_KEY, verify_key, size);
}
