# What happens to secrets: the code must not branch or index on them, and must wipe them.

SECRETS_DIR = build/secrets
SECRETS_CFLAGS = -std=gnu11 -g -O2 -Wall -Wextra -Werror -Isrc \
	$(shell $(PKG_CONFIG) --cflags nss $(MSGPACK))
SECRETS_LIBS = $(shell $(PKG_CONFIG) --libs nss $(MSGPACK))

# The very objects of the extension, and what another compiler makes of the same sources,
# with the same options but for those that it does not know. (Valgrind 3.19 does not read
# what clang writes for the debugger, unless it is told to write the older form.)
SECRETS_CORE = $(CORE_SOURCES:.c=.o)
SECRETS_CLANG = clang
SECRETS_CLANG_CORE = $(CORE_SOURCES:%.c=$(SECRETS_DIR)/clang/%.o)

$(SECRETS_DIR)/clang/src/%.o: src/%.c $(HEADERS_ALL)
	@mkdir -p $(@D)
	$(SECRETS_CLANG) $(filter-out -f% -W% -M%,$(CFLAGS)) -fwrapv -fno-strict-aliasing -fPIC \
		-gdwarf-4 $(CPPFLAGS) -c $< -o $@

# The linker puts functions of the tests around these.
POISONED_WRAPPED = prio_declassify prio_random prio_sha256 prio_agree_ephemeral prio_gcm_encrypt \
	prio_agree_and_decrypt prio_gcm_decrypt prio_counter_mode_new prio_counter_mode_stream
WIPES_WRAPPED = prio_wipe prio_wipe_stack prio_random prio_agree_ephemeral PK11_PubDeriveWithKDF

$(SECRETS_DIR)/poisoned: $(SECRETS_CORE)
$(SECRETS_DIR)/poisoned_clang: $(SECRETS_CLANG_CORE)
$(SECRETS_DIR)/poisoned $(SECRETS_DIR)/poisoned_clang: test/secrets/poisoned.c
	@mkdir -p $(SECRETS_DIR)
	$(CC) $(SECRETS_CFLAGS) $(filter %.c %.o,$^) $(POISONED_WRAPPED:%=-Wl,--wrap=%) \
		$(SECRETS_LIBS) -o $@

# Bound when it starts, like a module that PostgreSQL loads: binding a function at its first
# call puts all registers on the stack, those of vectors included.
$(SECRETS_DIR)/wipes: test/secrets/wipes.c $(SECRETS_CORE)
	@mkdir -p $(SECRETS_DIR)
	$(CC) $(SECRETS_CFLAGS) $(filter %.c %.o,$^) $(WIPES_WRAPPED:%=-Wl,--wrap=%) -Wl,-z,now \
		$(SECRETS_LIBS) -o $@

$(SECRETS_DIR)/prio3_poisoned: $(SECRETS_CORE)
$(SECRETS_DIR)/prio3_poisoned_clang: $(SECRETS_CLANG_CORE)
$(SECRETS_DIR)/prio3_poisoned $(SECRETS_DIR)/prio3_poisoned_clang: test/secrets/prio3_poisoned.c
	@mkdir -p $(SECRETS_DIR)
	$(CC) $(SECRETS_CFLAGS) $(filter %.c %.o,$^) -Wl,--wrap=prio_declassify \
		-Wl,--wrap=prio_sha256 $(SECRETS_LIBS) -o $@

$(SECRETS_DIR)/prio3_wipes: test/secrets/prio3_wipes.c $(SECRETS_CORE)
	@mkdir -p $(SECRETS_DIR)
	$(CC) $(SECRETS_CFLAGS) $(filter %.c %.o,$^) -Wl,-z,now $(SECRETS_LIBS) -o $@

$(SECRETS_DIR)/leaky.o: test/secrets/leaky.c
	@mkdir -p $(SECRETS_DIR)
	$(CC) $(SECRETS_CFLAGS) -c $< -o $@

# Checks every bit of a sum or a comparison, not just whether any of its operands is secret.
MEMCHECK = valgrind -q --error-limit=no --expensive-definedness-checks=yes

# What clang makes of them is tried at night.
POISONED = poisoned prio3_poisoned $(if $(PRIO_LONG),poisoned_clang prio3_poisoned_clang)
.PHONY: secrets-programs check-secrets check-wipes check-compiled-wipes $(POISONED:%=check-%)
secrets-programs: all $(addprefix $(SECRETS_DIR)/,$(POISONED) wipes prio3_wipes)
check-secrets: check-wipes check-compiled-wipes $(POISONED:%=check-%)
check-wipes: secrets-programs
	@for kernels in $$($(SECRETS_DIR)/wipes); do $(SECRETS_DIR)/wipes $$kernels || exit 1; done
	@$(SECRETS_DIR)/prio3_wipes
check-compiled-wipes: secrets-programs
	@test/secrets/compiled_wipes prio.so $(CORE_SOURCES) src/pg/*.c
$(POISONED:%=check-%): check-%: secrets-programs
	@$(MEMCHECK) --log-file=$(SECRETS_DIR)/$*.log $(SECRETS_DIR)/$* || { cat $(SECRETS_DIR)/$*.log; exit 1; }

# What valgrind does not run, as it does not know AVX-512: there machine_code.py takes its place,
# which knows nothing but x86-64. And controls for that.
MACHINE_CODE_CONTROLS = leak_by_a_branch:leaks leak_by_a_sum:leaks leak_by_an_index:leaks \
	leak_by_a_store:leaks leak_by_a_lane:leaks leak_by_a_lane:masks:leaks \
	leak_by_a_comparison:leaks leak_by_a_comparison:masks leak_by_a_call:leaks \
	leak_by_an_array:leaks leak_by_an_array:masks:leaks

.PHONY: check-machine-code
check-machine-code: secrets-programs $(SECRETS_DIR)/poisoned_clang $(if $(filter x86_64,$(shell uname -m)),$(SECRETS_DIR)/leaky.o)
	@seen=$$(valgrind -q $(SECRETS_DIR)/poisoned variants) && \
	for file in prio.so $(SECRETS_DIR)/poisoned_clang; do \
		functions=$$(test/secrets/kernels.py $$file $$seen) || exit 1; \
		[ -z "$$functions" ] || test/secrets/machine_code.py $$file $$functions || exit 1; \
	done
	@if [ -e $(SECRETS_DIR)/leaky.o ]; then \
		test/secrets/machine_code.py $(SECRETS_DIR)/leaky.o $(MACHINE_CODE_CONTROLS); \
	fi
