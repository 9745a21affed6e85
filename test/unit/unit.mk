# The unit tests: the core and cmocka, without PostgreSQL. Those in build/unit have the very
# objects of the extension; those in build/sanitized what clang makes of the same sources,
# with sanitizers, and with what a fuzzer takes. UNIT_RUN runs them under another program.

UNIT_CFLAGS = -g -O2
UNIT_BASE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wdeclaration-after-statement -Werror \
	-Isrc -Itest/unit -DVECTORS_DIR='"$(CURDIR)/test/vectors"' \
	$(shell $(PKG_CONFIG) --cflags nss $(MSGPACK) cmocka jansson)
UNIT_ALL_CFLAGS = $(UNIT_BASE_CFLAGS) $(UNIT_CFLAGS)
UNIT_LIBS = $(shell $(PKG_CONFIG) --libs nss $(MSGPACK) cmocka jansson)
UNIT_NAMES = $(patsubst test/unit/%.c,%,$(sort $(wildcard test/unit/test_*.c)))
# What every test may use.
UNIT_SHARED = harness reference prio3 prio3_slow json_tree
CORE_OBJS = $(CORE_SOURCES:.c=.o)

# For programs with and without libFuzzer's main(); every finding ends the program.
SANITIZED_CC = clang
SANITIZED_CFLAGS = -g -O1 -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZED_ALL_CFLAGS = $(UNIT_BASE_CFLAGS) $(SANITIZED_CFLAGS)
SANITIZED_CORE = $(CORE_SOURCES:%.c=build/sanitized/%.o)

build/sanitized/src/%.o: src/%.c $(HEADERS_ALL)
	@mkdir -p $(@D)
	$(SANITIZED_CC) $(SANITIZED_ALL_CFLAGS) -c $< -o $@

# unit_programs FOLDER,COMPILER,CFLAGS,CORE
define unit_programs
$(1)/%.o: test/unit/%.c $$(wildcard test/unit/*.h test/faults/*.h) $$(HEADERS_ALL)
	@mkdir -p $$(@D)
	$(2) $(3) -c $$< -o $$@

$(1)/%.o: test/faults/%.c $$(wildcard test/faults/*.h)
	@mkdir -p $$(@D)
	$(2) $(3) -c $$< -o $$@

$(UNIT_NAMES:%=$(1)/%): %: %.o $(UNIT_SHARED:%=$(1)/%.o) $(4)
	$(2) $(3) $$(filter %.o,$$^) -o $$@ $$(UNIT_LIBS) $$(UNIT_LDFLAGS)

# Faults: the injector, and the linker's help for memory that the core itself asks for.
$(1)/test_faults: $(1)/inject.o
$(1)/test_faults: UNIT_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=free

# A client that lies about its data, for demonstrations; and what may be wrong with a packet.
$(1)/cheat $(1)/faults_text: %: %.o $(4)
	$(2) $(3) $$^ -o $$@ $$(UNIT_LIBS)

# What packets cost, in instructions.
$(1)/weigh: %: %.o $(1)/harness.o $(4)
	$(2) $(3) $$^ -o $$@ $$(UNIT_LIBS)

# Which sanitizers must stop, if this is a build with sanitizers.
$(1)/canary: %: %.o
	$(2) $(3) $$^ -o $$@

.PHONY: $(UNIT_NAMES:%=run-$(1)/%)
$(UNIT_NAMES:%=run-$(1)/%): run-%: %
	@$$(UNIT_RUN) $$<
endef
$(eval $(call unit_programs,build/unit,$$(CC),$$(UNIT_ALL_CFLAGS),$(CORE_OBJS)))
$(eval $(call unit_programs,build/sanitized,$$(SANITIZED_CC),$$(SANITIZED_ALL_CFLAGS),$(SANITIZED_CORE)))

# Beside each other with make -j, and -O keeps what they print together.
.SECONDARY:
.PHONY: unit-programs check-unit sanitized-programs check-sanitized
unit-programs: $(UNIT_NAMES:%=build/unit/%) build/unit/cheat
check-unit: $(UNIT_NAMES:%=run-build/unit/%)
sanitized-programs: $(UNIT_NAMES:%=build/sanitized/%) build/sanitized/canary
check-sanitized: $(UNIT_NAMES:%=run-build/sanitized/%)

# The command, too, at night.
SANITIZED_CLI = CLI_DIR=build/cli-sanitized CLI_CC='$(SANITIZED_CC)' \
	CLI_CFLAGS='$(SANITIZED_CFLAGS)' CLI_CORE='$(SANITIZED_CORE)'
.PHONY: sanitized-cli check-cli-sanitized
sanitized-cli: $(SANITIZED_CORE) build/unit/cheat
	$(MAKE) cli-programs $(SANITIZED_CLI)
check-cli-sanitized: sanitized-cli
	$(MAKE) check-cli $(SANITIZED_CLI)

# Prio3 against its reference, with parameters and reports drawn from a seed that is
# printed; PRIO3_SEED repeats one.
.PHONY: check-prio3-random
check-prio3-random: build/unit/test_prio3_vectors
	@rm -rf build/unit/prio3_random
	python3 test/reference/prio3_random_vectors.py build/unit/prio3_random $(PRIO3_SEED)
	@$(UNIT_RUN) $< build/unit/prio3_random

# What tools that read the sources need to know.
.PHONY: print-flags
print-flags:
	@echo $(UNIT_ALL_CFLAGS) -Icli $(CLI_DEFINES) -Itest/fuzz -isystem $(shell $(PG_CONFIG) --includedir-server) -isystem $(shell $(PG_CONFIG) --includedir)
