#!/usr/bin/env bash
# The command makes of libprio's packets what libprio made, byte for byte.
# shellcheck source=test/cli/lib.sh
. "$(dirname "$0")/lib.sh"

: "${VECTORS:?the directory with the vectors}"

# Bytes in a vector are in hexadecimal: "hex:..." becomes base64.
to_base64() { perl -MMIME::Base64 -pe 's/"hex:([0-9a-f]*)"/"\"" . encode_base64(pack("H*", $1), "") . "\""/ge'; }
# One member of every row of a file, as lines with ids.
rows() { jq -c --arg member "$2" '.shares | to_entries[] | {id: "row \(.key)", payload: ("hex:" + .value[$member])}' "$VECTORS/$1.json" | to_base64; }

# The keys and options of a file, for as_a and as_b.
load() {
	eval "$(jq -r '@sh "export N_DATA=\(.n_data) BATCH_ID=\(.batch_id) PRG=\(.prg)
		public_a=\(.public_key_a) public_b=\(.public_key_b) private_a=\(.private_key_a) private_b=\(.private_key_b)
		secret=\(.shared_secret)"' "$VECTORS/$1.json")"
	rm -rf a b
	mkdir -p a/raw b/raw
}
# And its shares, in vectors.ndjson.
load_rows() {
	load "$1"
	rows "$1" a >a/raw/vectors.ndjson
	rows "$1" b >b/raw/vectors.ndjson
}

# The messages of a step, on both servers, in the lines that sed prints: as in the vectors?
same_messages() {
	local name=$1 step=$2 lines=$3 server
	for server in a b; do
		same "$(sed -n "$lines" "$server/internal/$step/vectors.ndjson" | jq -c .)" \
			"$(rows "$name" "${step}_$server" | sed -n "$lines")" || return
	done
}
same_totals() {
	local server
	for server in a b; do
		same "$(jq -c . "$server/internal/aggregate/vectors.ndjson")" \
			"$(jq -c --arg server "$server" '{payload: ("hex:" + .["total_" + $server]), error: 0, total: (.shares | length)}' "$VECTORS/$1.json" | to_base64)" || return
	done
}
results() { both_published vectors.ndjson "$(jq -c .result "$VECTORS/$1.json")"; }

# Where libprio walked a file, too, all messages are the same.
for name in n5-ordinal n7-prg-seed-ordinal; do
	load_rows "$name"
	check "$name: both servers do every step" exchange vectors.ndjson
	check "$name: verify1 in line k is that of ordinal k" same_messages "$name" verify1 p
	check "$name: so is verify2" same_messages "$name" verify2 p
	check "$name: totals" same_totals "$name"
	check "$name: result" results "$name"
done

# Elsewhere all rows were checked at ordinal 0: that is the first line. Totals do not
# depend on it.
for name in n1 n8 n10-prg-seed n31 n32 n441 n2046 uint8 uint42; do
	load_rows "$name"
	check "$name: both servers do every step" exchange vectors.ndjson
	check "$name: verify1 in the first line is that of ordinal 0" same_messages "$name" verify1 1p
	check "$name: so is verify2" same_messages "$name" verify2 1p
	check "$name: totals" same_totals "$name"
	check "$name: result" results "$name"
done

# Hostile packets in between. Where only one of the two is hostile, the other is that of an
# honest client; and so is the last pair.
load invalid
cases=$(jq '.cases | length' "$VECTORS/invalid.json")
jq -c '. as $all | (.cases[] | $all.honest.data), .honest.data | {payload: .}' "$VECTORS/invalid.json" >vectors.ndjson
prepare vectors.ndjson
for server in a b; do
	jq -c --arg server "$server" --slurpfile honest "$server/raw/vectors.ndjson" '.cases | to_entries[] |
			{id: $honest[.key].id, payload: (
				if .value.expect == "rejected" then "hex:" + .value[$server]
				elif (.value.role | ascii_downcase) == $server then "hex:" + .value.share
				else $honest[.key].payload end)}' "$VECTORS/invalid.json" | to_base64 >lines
	tail -n 1 "$server/raw/vectors.ndjson" >>lines
	mv lines "$server/raw/vectors.ndjson"
done
lines_of() { jq -r "[.cases[] | $1] | to_entries[] | select(.value) | .key + 1" "$VECTORS/invalid.json"; }
reported() { same "$(sed -n -E "s|^prio [a-z0-9]*: $1/raw/vectors.ndjson:([0-9]+): .*$2.*|\1|p" "err_$1")" "$3"; }
check "hostile packets: verify1 goes on" both vectors.ndjson verify1 3
check "hostile packets: A refuses those that are malformed, and no others" reported a '' "$(lines_of '.role == "A"')"
check "hostile packets: B refuses those that are malformed, and no others" reported b '' "$(lines_of '.role == "B"')"
check "hostile packets: verify2 goes on" both vectors.ndjson verify2 3
check "hostile packets: aggregate goes on" both vectors.ndjson aggregate 3
check "hostile packets: every lie is rejected" reported a 'the proof of its client fails' "$(lines_of '.expect == "rejected"')"
check "hostile packets: by both servers" reported b 'the proof of its client fails' "$(lines_of '.expect == "rejected"')"
check "hostile packets: one share is left" same "$(jq .error a/internal/aggregate/vectors.ndjson)" "$cases"
check "hostile packets: publish" both vectors.ndjson publish
check "hostile packets: the result is that of the honest client" both_published vectors.ndjson \
	"$(jq -c .honest.data "$VECTORS/invalid.json")"

done_testing
