#!/usr/bin/env bash
# The command makes of libprio's packets what libprio made, byte for byte.
# shellcheck source=test/cli/lib.sh
. "$(dirname "$0")/lib.sh"

: "${VECTORS:?the directory with the vectors}"
names='n5-ordinal n7-prg-seed-ordinal n1 n8 n10-prg-seed n31 n32 n441 n2046 uint8 uint42'
# shellcheck disable=SC2086 # one word a file
perl "$tests/vectors.pl" $names invalid

# The messages of a step, on both servers: as in the vectors?
same_messages() { same_files "a/internal/$1/vectors.ndjson" "expected/a/$1" && same_files "b/internal/$1/vectors.ndjson" "expected/b/$1"; }
results() { both_published vectors.ndjson "$(<expected/result)"; }

# Where libprio walked a file, line k is that of ordinal k; elsewhere all rows were checked at ordinal 0.
# Those with integers have the sums of integers.
for name in $names; do
	cd "$work/$name"
	# shellcheck source=/dev/null
	. ./options
	make_servers
	check "$name: both servers do every step" exchange vectors.ndjson
	check "$name: verify1" same_messages verify1
	check "$name: verify2" same_messages verify2
	check "$name: totals" same_messages aggregate
	check "$name: result" results
	unset N_DATA BATCH_ID PRG ORDINALS BITS
done

cd "$work/invalid"
# shellcheck source=/dev/null
. ./options
make_servers
prepare vectors.ndjson
perl "$tests/vectors.pl" hostile
reported() { same "$(skipped_lines "err_$1" "$1/raw/vectors.ndjson" "$2")" "$(<"expected/$3")"; }
check "hostile packets: verify1 goes on" both vectors.ndjson verify1 3
check "hostile packets: A refuses those that are malformed, and no others" reported a '' of_A
check "hostile packets: B refuses those that are malformed, and no others" reported b '' of_B
check "hostile packets: verify2 goes on" both vectors.ndjson verify2 3
check "hostile packets: aggregate goes on" both vectors.ndjson aggregate 3
check "hostile packets: every lie is rejected" reported a 'the proof of its client fails' rejected
check "hostile packets: by both servers" reported b 'the proof of its client fails' rejected
total=$(<a/internal/aggregate/vectors.ndjson)
check "hostile packets: one share is left" same "${total##*, \"error\"}" ": $(<expected/cases), \"total\": $(($(<expected/cases) + 1))}"
check "hostile packets: publish" both vectors.ndjson publish
check "hostile packets: the result is that of the honest client" results

done_testing
