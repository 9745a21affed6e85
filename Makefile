# prio: make, make install, make installcheck (pg_regress), make check-unit (unit tests), make dist.

EXTENSION = prio prio_processor
MODULE_big = prio
DATA = prio--1.0.sql
DATA_built = prio_processor--1.0.sql

# The job's script: in this order.
PROCESSOR_PARTS = schema guards chunk pull batches series shards open list agree rounds aggregate publish exchange files views run privileges

# The core: everything but the face in SQL, without a header of PostgreSQL.
CORE_DIRS = base codec crypto field kernels prio1 prio3 dap
CORE_SOURCES = $(sort $(wildcard $(CORE_DIRS:%=src/%/*.c)))
OBJS = $(CORE_SOURCES:.c=.o) $(patsubst %.c,%.o,$(sort $(wildcard src/pg/*.c)))

TESTS = $(sort $(wildcard sql/*.sql))
REGRESS = $(patsubst sql/%.sql,%,$(TESTS))
REGRESS_OPTS = --inputdir=.

PKG_CONFIG ?= pkg-config
PG_CONFIG ?= pg_config
# Debian 12 calls it msgpack, later releases msgpack-c.
MSGPACK := $(shell $(PKG_CONFIG) --exists msgpack && echo msgpack || echo msgpack-c)

# PostgreSQL's own headers do not compile cleanly under -Wextra: system headers may not.
PG_CPPFLAGS = -Isrc $(shell $(PKG_CONFIG) --cflags nss $(MSGPACK)) \
	-isystem $(shell $(PG_CONFIG) --includedir-server) -isystem $(shell $(PG_CONFIG) --includedir)
# Only what PostgreSQL calls is seen from outside: before 16 PGDLLEXPORT is empty.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -fvisibility=hidden
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs nss $(MSGPACK))
# libpq of the same installation, for what is pulled from the other server.
SHLIB_LINK_INTERNAL = $(libpq)

# Nothing here is worth inlining into a query's machine code.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

prio_processor--1.0.sql: $(PROCESSOR_PARTS:%=processor/%.sql) Makefile
	cat $(filter %.sql,$^) >$@

# The archive for PGXN: what is committed, and the script that META.json names, which is built.
DIST_NAME = prio-$(shell sed -n 's/^\t"version": "\(.*\)",$$/\1/p' META.json)
.PHONY: dist
dist: prio_processor--1.0.sql
	@git diff --quiet HEAD || { echo 'make dist: what is not committed would not be in the archive' >&2; exit 1; }
	git archive --format=zip --prefix=$(DIST_NAME)/ --add-file=prio_processor--1.0.sql --output=$(DIST_NAME).zip HEAD

HEADERS_ALL = $(wildcard src/*/*.h)
$(OBJS): $(HEADERS_ALL)

include test/unit/unit.mk
include test/secrets/secrets.mk
include test/fuzz/fuzz.mk

# A module that makes calls of a backend fail, for the tests of that.
build/faults.so: test/faults/faults.c test/faults/inject.c test/faults/inject.h
	@mkdir -p build
	$(CC) $(CFLAGS) $(CFLAGS_SL) -fvisibility=default $(CPPFLAGS) -shared -o $@ $(filter %.c,$^)

include bench/bench.mk
include cli/cli.mk
include test/tap/tap.mk
