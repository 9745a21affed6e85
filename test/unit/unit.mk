# The unit tests: the core and cmocka, without PostgreSQL. UNIT_DIR, UNIT_CC and
# UNIT_CFLAGS can be set to build them another way, with sanitizers for one; UNIT_RUN to run
# them under another program.

UNIT_DIR = build/unit
UNIT_CC = $(CC)
UNIT_CFLAGS = -g -O2
UNIT_BASE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wdeclaration-after-statement -Werror \
	-Isrc -Itest/unit -DVECTORS_DIR='"$(CURDIR)/test/vectors"' \
	$(shell $(PKG_CONFIG) --cflags nss $(MSGPACK) cmocka jansson)
UNIT_ALL_CFLAGS = $(UNIT_BASE_CFLAGS) $(UNIT_CFLAGS)
UNIT_LIBS = $(shell $(PKG_CONFIG) --libs nss $(MSGPACK) cmocka jansson)

UNIT_TESTS = $(patsubst test/unit/%.c,$(UNIT_DIR)/%,$(sort $(wildcard test/unit/test_*.c)))
UNIT_CORE = $(CORE_SOURCES:%.c=$(UNIT_DIR)/%.o)

$(UNIT_DIR)/src/%.o: src/%.c $(HEADERS_ALL)
	@mkdir -p $(@D)
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) -c $< -o $@

$(UNIT_DIR)/%.o: test/unit/%.c $(wildcard test/unit/*.h) $(HEADERS_ALL)
	@mkdir -p $(UNIT_DIR)
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) -c $< -o $@

$(UNIT_TESTS): %: %.o $(UNIT_DIR)/harness.o $(UNIT_DIR)/reference.o $(UNIT_DIR)/prio3.o $(UNIT_DIR)/prio3_slow.o \
		$(UNIT_CORE)
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) $^ -o $@ $(UNIT_LIBS)

# Faults: the injector, and the linker's help for memory that the core itself asks for.
$(UNIT_DIR)/inject.o: test/faults/inject.c test/faults/inject.h
	@mkdir -p $(UNIT_DIR)
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) -c $< -o $@

$(UNIT_DIR)/test_faults.o: test/faults/inject.h
$(UNIT_DIR)/test_faults: $(UNIT_DIR)/inject.o
$(UNIT_DIR)/test_faults: UNIT_LIBS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=free

# A client that lies about its data, for demonstrations.
$(UNIT_DIR)/cheat: $(UNIT_DIR)/cheat.o $(UNIT_CORE)
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) $^ -o $@ $(UNIT_LIBS)

# Which sanitizers must stop, if this is a build with sanitizers.
$(UNIT_DIR)/canary: $(UNIT_DIR)/canary.o
	$(UNIT_CC) $(UNIT_ALL_CFLAGS) $^ -o $@

.SECONDARY:
.PHONY: check-unit check-prio3-random
check-unit: $(UNIT_TESTS)
	@for test in $(UNIT_TESTS); do $(UNIT_RUN) $$test || exit 1; done

# Prio3 against its reference, with parameters and reports drawn from a seed that is
# printed; PRIO3_SEED repeats one.
check-prio3-random: $(UNIT_DIR)/test_prio3_vectors
	@rm -rf $(UNIT_DIR)/prio3_random
	python3 test/reference/prio3_random_vectors.py $(UNIT_DIR)/prio3_random $(PRIO3_SEED)
	@$(UNIT_RUN) $< $(UNIT_DIR)/prio3_random

# What tools that read the sources need to know.
.PHONY: print-flags
print-flags:
	@echo $(UNIT_ALL_CFLAGS) $(CLI_DEFINES) -Itest/fuzz -isystem $(shell $(PG_CONFIG) --includedir-server) -isystem $(shell $(PG_CONFIG) --includedir)
