#!/usr/bin/env bash
# Prio3: verify keys, and shares of measurements. That the shares are right takes servers:
# test/tap/command_line.pl and test/tap/processor_prio3.pl.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034 # variables of jq; a subshell is meant; exported ones
# shellcheck source=test/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# ------------------------------------------------------------------ prio3-keygen

prints_key() { gives 0 "$PRIO" prio3-keygen "${@:2}" && [[ $(cat out) =~ ^\{\"verify_key\":\ \"[0-9A-F]{$1}\"\}$ ]]; }
check "prio3-keygen prints a verify key as JSON" prints_key 64
cp out first
check "and one the next time" prints_key 64
check "which is another" test "$(cat out)" != "$(cat first)"
check "that of draft 8 has half the length" prints_key 32 --draft 8
check "there is no draft 9" fails 2 'the value of --draft is not valid; expected 18 or 8' "$PRIO" prio3-keygen --draft 9

# ------------------------------------------------------------------ shares of every VDAF

shard() { "$PRIO" prio3-shard --output-A a --output-B b --input "$@"; }
id='[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
base64='([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?'
sizes() {
	jq -r '[.header, .payload] | map(length / 4 * 3 - (match("=*$").length)) | join(" ")' "$1" | sort -u | tr '\n' ' '
}
# All in both files: as many lines as there are good measurements, of these sizes.
has_shares() {
	local name=$1 count=$2 header=$3 size_a=$4 size_b=$5 server
	for server in a b; do
		same "$(grep -c -E -x "\{\"id\": \"$id\", \"header\": \"$base64\", \"payload\": \"$base64\"\}" "$server/$name")" "$count" || return
		same "$(wc -l <"$server/$name")" "$count" || return
	done
	same "$(sizes "a/$name")" "$header $size_a " && same "$(sizes "b/$name")" "$header $size_b " &&
		same "$(jq -r '.id + .header' "a/$name")" "$(jq -r '.id + .header' "b/$name")" &&
		same "$(jq -r .id "a/$name" | sort -u | wc -l)" "$count"
}

# What is given, how many bytes header and both payloads have, and two measurements. Numbers
# follow from docs/prio3.md, "Lengths".
while IFS='|' read -r options header size_a size_b one other; do
	name=$(tr -c 'A-Za-z0-9\n' _ <<<"$options")
	printf '%s\n{"payload": %s}\n' "$one" "$other" >"$name"
	# shellcheck disable=SC2086 # one word an option
	check "prio3-shard --vdaf $options" gives 0 shard "$name" --vdaf $options
	check "$options: shares as prio_processor takes them" has_shares "$name" 2 "$header" "$size_a" "$size_b"
	check "$options: in silence" same "$(cat out err)" ''
done <<'VDAFS'
Prio3Count|0|48|32|1|false
Prio3Sum --max-measurement 1440|0|344|32|0|1440
Prio3SumVec --length=4 --max-measurement 255 --chunk-length 6|64|976|64|[0, 255, 7, 8]|[1,1,1,1]
Prio3Histogram --length 8 --chunk-length 3 --context c0FFee|64|368|64|0|7
Prio3MultihotCountVec --length 4 --max-weight 2|64|304|64|[0, 1, 0, 1]|[true, false, false, false]
Prio3L1BoundSum --length 3 --max-value 7|64|464|64|[0, 7, 0]|[1, 2, 3]
Prio3Count --draft 8|0|48|32|0|1
Prio3Sum --draft 8 --bits 8|32|656|48|0|255
Prio3SumVec --draft 8 --bits 2 --length 3|32|288|48|[0, 1, 2]|[3, 3, 3]
Prio3Histogram --draft 8 --length 4 --chunk-length 2|32|256|48|0|3
VDAFS

differ() { ! cmp -s before a/Prio3Count && ! cmp -s a/Prio3Count b/Prio3Count; }
cp a/Prio3Count before
check "options may come from the environment" gives 0 env VDAF=Prio3Count OUTPUT_A=a OUTPUT_B=b INPUT=Prio3Count "$PRIO" prio3-shard
check "no share comes again" differ

# ------------------------------------------------------------------ bad lines

# The name of a file, what is said about its bad measurements, and how many lines are good.
skips() {
	local name=$1 text=$2 good=$3
	shift 3
	gives 3 shard "$name" "$@" && says "$name:[0-9]*: $text; skipped" &&
		same "$(skipped_lines err "$name" '')" "$(seq -s ' ' "$((good + 1))" "$(grep -c '' "$name")")" &&
		same "$(wc -l <"a/$name")" "$good" && same "$(wc -l <"b/$name")" "$good"
}
{ printf '%s\n' 0 100 '{"payload": 7, "id": 3, "x": 1e400, "x": "\ud800"}' ' 8 '; printf '%s\n' 101 -1 7.0 1e1 '"7"' true null '[7]' '{}' '{"data": 7}' \
	'{"payload": null}' '{"payload": [7]}' '{"payload": {"payload": 7}}' '{"payload": 7, "payload": 7}' '' nonsense '7 7' 07 \
	99999999999999999999 9223372036854775807; head -c 200000 /dev/zero | tr '\0' 7; echo; head -c 60000 /dev/zero | tr '\0' '['; printf '\n0x7'; } >sum
check "prio3-shard skips what is no measurement of a sum" skips sum 'its measurement is not an integer from 0 to 100' 4 --vdaf Prio3Sum --max-measurement 100
why() { same "$(sed -n "s/^prio prio3-shard: sum:$1: //p" err)" "$2; skipped"; }
check "a line without a measurement" why 13 'it has no "payload"'
check "one that is no JSON" why 20 'it is not JSON, or has a number beyond 9223372036854775807'
check "one with too large a number" why 23 'it is not JSON, or has a number beyond 9223372036854775807'
check "one that is too long" why 25 'it is too long'
no_value_is_shown() { ! grep -q -e '101' -e '7\.0' -e nonsense err; }
check "nothing of their content is shown" no_value_is_shown

printf '%s\n' 1 0 true '{"payload": false}' 2 -1 '[1]' '"1"' 18446744073709551617 >count
check "a count" skips count 'its measurement is neither 0 nor 1' 4 --vdaf Prio3Count
printf '%s\n' 0 3 4 true '[1,0,0,0]' >histogram
check "a histogram" skips histogram 'its measurement is not the number of a bucket, from 0 to 3' 2 --vdaf Prio3Histogram --length 4
printf '%s\n' '[0,1,0]' '[true,1,0]' '[false,false,false]' '[1,1,1]' '[0,1]' '[0,1,0,0]' '[0,2,0]' '[0,1,"0"]' '{"0":1}' 1 \
	"[$(seq -s , 5000)]" >multihot
check "booleans" skips multihot 'its measurement is not an array of 3 booleans with at most 2 true' 3 --vdaf Prio3MultihotCountVec --length 3 --max-weight 2
printf '%s\n' '[0,9]' '{"payload": [9,9]}' '[10,0]' '[0,-1]' '[9]' '[true,1]' '[9,null]' '[9,9,9]' >vector
check "a vector" skips vector 'its measurement is not an array of 2 integers from 0 to 9' 2 --vdaf Prio3SumVec --length 2 --max-measurement 9
printf '%s\n' '[0,9]' '[4,5]' '[5,5]' '[9223372036854775807,9223372036854775807]' '[-1,2]' >bounded
check "a vector with a bound on all of it" skips bounded 'its measurement is not an array of 2 integers from 0, together at most 9' 2 --vdaf Prio3L1BoundSum --length 2 --max-value 9
: >empty
check "an empty file gives empty ones, and a message" fails 3 '"empty" is empty; check --input' shard empty --vdaf Prio3Count
check "which is none where nothing shall tell" gives 0 shard empty --vdaf Prio3Count --skipped-status 0
check "two" test -f a/empty -a -f b/empty -a ! -s a/empty -a ! -s b/empty

# ------------------------------------------------------------------ options

# Nothing is written, and no process ends otherwise than it should.
refuses() {
	remove a b
	fails 2 "$@" && is_empty a && is_empty b
}
check "without a VDAF" refuses '--vdaf is missing; give it, or set VDAF in the environment' shard count
check "with one that there is not" refuses 'the value of --vdaf is not valid; expected Prio3Count, Prio3Sum, * or Prio3L1BoundSum' shard count --vdaf prio3count
check "a sum without its largest" refuses '--max-measurement is missing; give it, or set MAX_MEASUREMENT' shard sum --vdaf Prio3Sum
check "and in draft 8 without its bits" refuses '--bits is missing' shard sum --vdaf Prio3Sum --draft 8
check "a count with a length" refuses '--length does not go with Prio3Count of draft 18; leave it out, or unset LENGTH in the environment' \
	shard count --vdaf Prio3Count --length 3
check "also in the environment" refuses '--bits does not go with Prio3Sum of draft 18' env BITS=3 MAX_MEASUREMENT=7 VDAF=Prio3Sum \
	"$PRIO" prio3-shard --input sum --output-A a --output-B b
check "draft 8 with a context" refuses '--context does not go with Prio3Count of draft 8' shard count --vdaf Prio3Count --draft 8 --context 00
check "draft 8 with a younger VDAF" refuses 'there is no Prio3L1BoundSum of draft 8; draft 8 has Prio3Count, ' \
	shard bounded --vdaf Prio3L1BoundSum --draft 8 --length 2 --max-value 9
check "too large a sum" refuses '--max-measurement of Prio3Sum must be below 2^64 - 2^32 + 1' shard sum --vdaf Prio3Sum --max-measurement 18446744069414584321
check "more ones than bits" refuses '--max-weight must not exceed --length' shard multihot --vdaf Prio3MultihotCountVec --length 3 --max-weight 4
check "too long a chunk" refuses '--chunk-length must not exceed the number of elements' shard histogram --vdaf Prio3Histogram --length 4 --chunk-length 5
check "shares that nothing holds" refuses 'a share of server A would have more than 1073741000 bytes; check --length' \
	shard vector --vdaf Prio3SumVec --length 18446744073709551615 --max-measurement 18446744073709551615
for context in 0 0g 'c0 ff'; do
	check "the context '$context'" refuses 'the value of --context is not valid; expected at most 65527 bytes' shard count --vdaf Prio3Count --context "$context"
done
for bits in 0 65; do
	check "$bits bits" refuses 'the value of --bits is not valid; expected a number from 1 to 64' shard sum --vdaf Prio3Sum --draft 8 --bits "$bits"
done
check "a length of 2^64" refuses 'the value of --length is not valid; expected a number from 1 to 18446744073709551615' \
	shard histogram --vdaf Prio3Histogram --length 18446744073709551616
check "both shares in one directory" refuses 'both outputs would be "a/count"; choose another --output-B' shard count --vdaf Prio3Count --output-B a
check "which would replace the input" refuses '"./count" would replace its own input; choose another --output-B' shard count --vdaf Prio3Count --output-B .
limited() { { (ulimit -f 0; "$@" 2>&1 >/dev/null) | cat; } >&2; }
full_disk() { rm -rf a b; fails 1 'cannot write "[ab]/count": File too large; nothing was written' limited shard count --vdaf Prio3Count && is_empty a && is_empty b; }
check "a disk that is full" full_disk

done_testing
