# The micro benchmark links the very objects of the extension; script/bench runs it.

BENCH_DIR = build/bench

$(BENCH_DIR)/micro: bench/micro.c $(CORE_SOURCES:.c=.o) $(HEADERS_ALL)
	@mkdir -p $(BENCH_DIR)
	$(CC) $(CFLAGS) $(CPPFLAGS) $(filter %.c %.o,$^) $(SHLIB_LINK) -o $@

$(BENCH_DIR)/prio3: bench/prio3.c $(CORE_SOURCES:.c=.o) $(HEADERS_ALL)
	@mkdir -p $(BENCH_DIR)
	$(CC) $(CFLAGS) $(CPPFLAGS) $(filter %.c %.o,$^) $(SHLIB_LINK) -o $@
