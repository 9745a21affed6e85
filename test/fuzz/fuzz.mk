# The fuzz targets: the core and libFuzzer, without PostgreSQL. script/fuzz runs them.

FUZZ_DIR = build/fuzz
FUZZ_CC = clang
# Objects for programs with and without libFuzzer's main(); every finding ends the program.
FUZZ_CFLAGS = -g -O1 -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_ALL_CFLAGS = $(UNIT_BASE_CFLAGS) $(FUZZ_CFLAGS)

# What script/fuzz runs. None of the other files here has a corpus.
FUZZ_TARGETS = $(notdir $(sort $(wildcard test/fuzz/corpus/*)))
FUZZ_PROGRAMS = $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%)
FUZZ_SHARED = $(patsubst %,$(FUZZ_DIR)/%.o,fuzz harness reference) \
	$(patsubst %,$(FUZZ_DIR)/unit/%.o,prio3 prio3_slow) \
	$(CORE_SOURCES:%.c=$(FUZZ_DIR)/%.o)
FUZZ_HEADERS = $(wildcard test/unit/*.h test/fuzz/*.h) $(HEADERS_ALL)

$(FUZZ_DIR)/src/%.o: src/%.c $(HEADERS_ALL)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -c $< -o $@

$(FUZZ_DIR)/%.o: test/unit/%.c $(FUZZ_HEADERS)
	@mkdir -p $(FUZZ_DIR)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -c $< -o $@

# Named like the target that it helps.
$(FUZZ_DIR)/unit/%.o: test/unit/%.c $(FUZZ_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -c $< -o $@

$(FUZZ_DIR)/prio3.o $(FUZZ_DIR)/dap.o: $(FUZZ_DIR)/%.o: test/fuzz/%.c $(FUZZ_HEADERS)
	@mkdir -p $(FUZZ_DIR)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -c $< -o $@

$(FUZZ_DIR)/%.o: test/fuzz/%.c $(FUZZ_HEADERS)
	@mkdir -p $(FUZZ_DIR)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -c $< -o $@

$(FUZZ_PROGRAMS): %: %.o $(FUZZ_DIR)/mutate.o $(FUZZ_SHARED)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -fsanitize=fuzzer $^ -o $@ $(UNIT_LIBS)

$(FUZZ_DIR)/canary: %: %.o
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) -fsanitize=fuzzer $^ -o $@

$(FUZZ_DIR)/seeds: %: %.o $(FUZZ_SHARED)
	$(FUZZ_CC) $(FUZZ_ALL_CFLAGS) $^ -o $@ $(UNIT_LIBS)

.PHONY: fuzz-programs fuzz-seeds
fuzz-programs: $(FUZZ_PROGRAMS) $(FUZZ_DIR)/canary $(FUZZ_DIR)/seeds

# Makes the seeds again, from test/vectors: what has a dash in its name. What a fuzzer has
# found is named by its SHA-1.
fuzz-seeds: $(FUZZ_DIR)/seeds
	rm -f test/fuzz/corpus/*/*-*
	$(FUZZ_DIR)/seeds test/fuzz/corpus
