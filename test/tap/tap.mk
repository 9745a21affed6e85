# Tests that need several clusters, or a cluster of their own: Perl TAP. They run beside each
# other, but for those that measure time, which say so in a line of their own, as do those that
# only run at night, with PRIO_LONG, or when they are named:
#
#	# Runs alone: ...
#	# Runs alone with PRIO_LONG: ...
#	# Runs at night: ...
#
# TAP_JOBS is how many at once.

TAP_ALL = $(sort $(wildcard test/tap/*.pl))
TAP_NIGHTLY = $(shell grep -lE '^. Runs at night: ' $(TAP_ALL))
TAP_TESTS = $(if $(PRIO_LONG),$(TAP_ALL),$(filter-out $(TAP_NIGHTLY),$(TAP_ALL)))
TAP_ALONE = $(shell grep -lE '^. Runs alone$(if $(PRIO_LONG),( with PRIO_LONG)?): ' $(TAP_TESTS))
TAP_BESIDE = $(filter-out $(TAP_ALONE),$(TAP_TESTS))
TAP_JOBS = 2
PROVE_FLAGS = -I test/tap --timer

.PHONY: tap-programs check-tap check-tap-beside check-tap-alone
tap-programs: build/faults.so build/unit/cheat build/unit/faults_text build/unit/weigh $(CLI_DIR)/prio
check-tap-beside: PROVE_FLAGS += -j $(TAP_JOBS)
check-tap-beside: PROVE_TESTS = $(TAP_BESIDE)
check-tap-alone: PROVE_TESTS = $(TAP_ALONE)
check-tap-beside check-tap-alone: tap-programs
	$(if $(PROVE_TESTS),$(prove_installcheck))
check-tap: check-tap-beside
	$(MAKE) check-tap-alone
