# The fuzz targets: the core and libFuzzer, without PostgreSQL. script/fuzz runs them. Their
# objects of the core are those of the unit tests with sanitizers.

FUZZ_DIR = build/fuzz

# What script/fuzz runs. None of the other files here has a corpus.
FUZZ_TARGETS = $(notdir $(sort $(wildcard test/fuzz/corpus/*)))
FUZZ_PROGRAMS = $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%)
FUZZ_SHARED = $(FUZZ_DIR)/fuzz.o $(UNIT_SHARED:%=build/sanitized/%.o) $(SANITIZED_CORE)
FUZZ_HEADERS = $(wildcard test/unit/*.h test/fuzz/*.h) $(HEADERS_ALL)

$(FUZZ_DIR)/%.o: test/fuzz/%.c $(FUZZ_HEADERS)
	@mkdir -p $(FUZZ_DIR)
	$(SANITIZED_CC) $(SANITIZED_ALL_CFLAGS) -c $< -o $@

$(FUZZ_PROGRAMS): %: %.o $(FUZZ_DIR)/mutate.o $(FUZZ_SHARED)
	$(SANITIZED_CC) $(SANITIZED_ALL_CFLAGS) -fsanitize=fuzzer $^ -o $@ $(UNIT_LIBS)

$(FUZZ_DIR)/canary: build/sanitized/canary.o
	@mkdir -p $(FUZZ_DIR)
	$(SANITIZED_CC) $(SANITIZED_ALL_CFLAGS) -fsanitize=fuzzer $^ -o $@

$(FUZZ_DIR)/seeds: %: %.o $(FUZZ_SHARED)
	$(SANITIZED_CC) $(SANITIZED_ALL_CFLAGS) $^ -o $@ $(UNIT_LIBS)

.PHONY: fuzz-programs fuzz-seeds
fuzz-programs: $(FUZZ_PROGRAMS) $(FUZZ_DIR)/canary $(FUZZ_DIR)/seeds

# Makes the seeds again, from test/vectors: what has a dash in its name. What a fuzzer has
# found is named by its SHA-1.
fuzz-seeds: $(FUZZ_DIR)/seeds
	rm -f test/fuzz/corpus/*/*-*
	$(FUZZ_DIR)/seeds test/fuzz/corpus
