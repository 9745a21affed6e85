# The command prio: jansson and the core, which is the objects of the extension, without
# PostgreSQL. CLI_DIR, CLI_CC, CLI_CFLAGS and CLI_CORE can be set to build it another way, with
# sanitizers for one.

CLI_DIR = build/cli
CLI_CC = $(CC)
CLI_CFLAGS = -g -O2
CLI_CORE = $(CORE_OBJS)
CLI_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" prio.control)
CLI_DEFINES = -DPRIO_VERSION='"$(CLI_VERSION)"'
CLI_ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Wdeclaration-after-statement $(CLI_CFLAGS) $(COPT) \
	-Isrc -Icli $(CLI_DEFINES) $(shell $(PKG_CONFIG) --cflags nss $(MSGPACK) jansson)
CLI_LIBS = $(shell $(PKG_CONFIG) --libs nss $(MSGPACK) jansson)
CLI_HEADERS = $(HEADERS_ALL) $(wildcard cli/*.h cli/*/*.h)

CLI_OBJECTS = $(patsubst %.c,$(CLI_DIR)/%.o,$(sort $(wildcard cli/*.c cli/*/*.c))) $(CLI_CORE)

# make install-cli prefix=/usr; PostgreSQL's own idea of a prefix does not count.
ifeq ($(filter command environment,$(origin prefix)),)
CLI_PREFIX = /usr/local
else
CLI_PREFIX = $(prefix)
endif

.PHONY: cli install-cli
cli: $(CLI_DIR)/prio

$(CLI_DIR)/%.o: %.c $(CLI_HEADERS)
	@mkdir -p $(@D)
	$(CLI_CC) $(CLI_ALL_CFLAGS) -c $< -o $@

$(CLI_DIR)/prio: $(CLI_OBJECTS)
	$(CLI_CC) $(CLI_ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(CLI_LIBS)

install-cli: cli
	install -d '$(DESTDIR)$(CLI_PREFIX)/bin' '$(DESTDIR)$(CLI_PREFIX)/share/man/man1'
	install -m 755 $(CLI_DIR)/prio '$(DESTDIR)$(CLI_PREFIX)/bin/prio'
	install -m 644 cli/prio.1 '$(DESTDIR)$(CLI_PREFIX)/share/man/man1/prio.1'

# Its tests, as prove(1) runs them; they take jq and the client that cheats.
CLI_TESTS = $(sort $(wildcard test/cli/test_*.sh))
.PHONY: check-cli cli-programs
cli-programs: $(CLI_DIR)/prio $(CLI_DIR)/disk.so build/unit/cheat
check-cli: cli-programs
	PRIO='$(CURDIR)/$(CLI_DIR)/prio' CHEAT='$(CURDIR)/build/unit/cheat' \
		VECTORS='$(CURDIR)/test/vectors' prove -j 2 --exec bash $(CLI_TESTS)

$(CLI_DIR)/disk.so: test/cli/disk.c
	@mkdir -p $(@D)
	$(CC) -Wall -Wextra -Werror -shared -fPIC $< -o $@
