#!/usr/bin/env bash
# The whole job over files, the way that deployments of prio-processor's command line drive
# it: jq, copied files, and the environment.
# shellcheck disable=SC2016,SC2034 # variables of jq and perl; some are used by their names
# shellcheck source=test/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# ------------------------------------------------------------------ keys

is_key_pair() {
	[[ $(cat key_a.json) =~ ^\{\"private_key\":\ \"[0-9A-F]{64}\",\ \"public_key\":\ \"[0-9A-F]{64}\"\}$ ]] &&
		[ "$public_a" != "$public_b" ] && [ "$private_a" != "$private_b" ]
}
is_seed() {
	"$PRIO" shared-seed >out
	[[ $(cat out) =~ ^\{\"shared_seed\":\ \"[A-Za-z0-9+/]{22}==\"\}$ ]] && [ "$(jq -r .shared_seed out)" != "$secret" ]
}
make_keys
check "keygen prints a fresh key pair as JSON, in upper case" is_key_pair
check "shared-seed prints a fresh secret as JSON, in base64" is_seed

# ------------------------------------------------------------------ files of a small batch

export N_DATA=3 BATCH_ID=test-small
printf '{"payload": %s}\n' '[1, 0, 0]' '[1, 1, 0]' '[1, 1, 1]' >part-0.ndjson
printf '{"payload": %s}\n' '[1, 0, 1]' '[1, 1, 1]' '[1, 0, 1]' '[1, 1, 1]' >part-1.ndjson
printf '[1,1,0]\n[true,false,false]' >part-2.ndjson
for name in part-0.ndjson part-1.ndjson part-2.ndjson; do prepare "$name"; done

uuid='[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
base64='[A-Za-z0-9+/]+={0,2}'
lines_are() { ! grep -v -q -E -x -- "$2" "$1" && same "$(wc -l <"$1")" "$3"; }
same_ids() { same "$(jq -r .id "$1")" "$(jq -r .id "$2")"; }
no_temporary_files() { [ -z "$(find . -name '.prio*')" ]; }
mode_is() { same "$(stat -c %a "$1")" "$2"; }
check "encode-shares writes a line for each client" lines_are a/raw/part-1.ndjson "\{\"id\": \"$uuid\", \"payload\": \"$base64\"\}" 4
check "encode-shares gives both shares one id" same_ids a/raw/part-0.ndjson b/raw/part-0.ndjson
check "encode-shares gives every client an id of its own" same "$(jq -r .id a/raw/*.ndjson | sort -u | wc -l)" 9
check "files get the mode that the umask leaves" mode_is a/raw/part-0.ndjson 644

exchange_all() { for name in part-0.ndjson part-1.ndjson part-2.ndjson; do exchange "$name" || return; done; }
check "every step of both servers ends with status 0" exchange_all
check "verify1 and verify2 keep the ids" same_ids a/raw/part-1.ndjson b/internal/verify2/part-1.ndjson
check "verify1 writes a line for each share" lines_are a/internal/verify1/part-1.ndjson "\{\"id\": \"$uuid\", \"payload\": \"$base64\"\}" 4
check "verify2 writes a line for each share" lines_are b/internal/verify2/part-1.ndjson "\{\"id\": \"$uuid\", \"payload\": \"$base64\"\}" 4
check "aggregate writes payload, error and total" lines_are a/internal/aggregate/part-1.ndjson \
	"\{\"payload\": \"$base64\", \"error\": 0, \"total\": 4\}" 1
check "publish writes id, timestamp and payload" lines_are a/internal/publish/part-1.ndjson \
	"\{\"id\": \"$uuid\", \"timestamp\": \"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}\", \"payload\": \[4, 2, 4\]\}" 1
check "part-0 has the right sums" both_published part-0.ndjson '[3,2,1]'
check "part-1 has the right sums" both_published part-1.ndjson '[4,2,4]'
check "data may be a bare array, with true and false" both_published part-2.ndjson '[2,1,0]'
check "no temporary file is left" no_temporary_files

time_is_utc() {
	local seconds
	TZ=Asia/Tokyo gives 0 step a part-0.ndjson publish
	seconds=$(date -u -d "$(jq -r .timestamp a/internal/publish/part-0.ndjson)" +%s)
	[ "$(($(date +%s) - seconds))" -ge 0 ] && [ "$(($(date +%s) - seconds))" -lt 3600 ]
}
check "the timestamp is UTC, wherever the server is" time_is_utc
prints_count() { gives 0 step a part-1.ndjson verify1 && same "$(cat out)" "0 errors out of 4 total"; }
check "verify1 counts on standard output" prints_count
warns() { same "$(grep -c '^prio [a-z0-9-]*: with 3 data fields, .* a hostile client can forge its proof' err)" 1 && same "$(wc -l <err)" 1; }
check "it warns of a number of data fields for which proofs can be forged" warns
encode_warns() { gives 0 encode part-2.ndjson && warns; }
check "so does encode-shares" encode_warns
same_messages() {
	cp a/internal/verify1/part-1.ndjson before
	gives 0 step a part-1.ndjson verify1 && cmp -s before a/internal/verify1/part-1.ndjson
}
check "the same step over the same file writes the same bytes" same_messages

# ------------------------------------------------------------------ options instead of the environment

with_flags() {
	env -u N_DATA -u BATCH_ID SERVER_ID=B N_DATA=99 INPUT=nowhere "$PRIO" verify1 --n-data 3 --batch-id=test-small \
		--server-id A --private-key-hex "${private_a,,}" --shared-secret="$secret" \
		--public-key-hex-internal "$public_a" --public-key-hex-external "$public_b" \
		--input a/raw/part-0.ndjson --output=flags/new/directory --prg batch
}
check "flags do, and come before the environment" gives 0 with_flags
check "they give the same" cmp -s flags/new/directory/part-0.ndjson a/internal/verify1/part-0.ndjson
with_variables() {
	env INPUT=a/raw/part-0.ndjson INPUT_INTERNAL=a/internal/verify1/part-0.ndjson \
		INPUT_EXTERNAL=a/external/verify1/part-0.ndjson OUTPUT=variables PRG=batch SERVER_ID=A \
		PRIVATE_KEY_HEX="$private_a" SHARED_SECRET="$secret" PUBLIC_KEY_HEX_INTERNAL="$public_a" \
		PUBLIC_KEY_HEX_EXTERNAL="$public_b" "$PRIO" verify2
}
check "so do variables alone" gives 0 with_variables
check "they give the same" cmp -s variables/part-0.ndjson a/internal/verify2/part-0.ndjson
encode_variables() {
	INPUT=part-0.ndjson OUTPUT_A=va OUTPUT_B=vb as_client encode-shares
}
check "also for encode-shares" gives 0 encode_variables
publish_alone() {
	env -u N_DATA -u BATCH_ID "$PRIO" publish --input-internal b/internal/aggregate/part-0.ndjson \
		--input-external a/internal/aggregate/part-0.ndjson --output alone
}
check "publish needs no more than its two inputs" gives 0 publish_alone
check "and gives the same" same "$(jq -c .payload alone/part-0.ndjson)" '[3,2,1]'

# ------------------------------------------------------------------ both variants, many sizes

for prg in batch seed; do
	for n in 1 8 31 2046; do
		export N_DATA=$n BATCH_ID="content-$n" PRG=$prg
		clients "$n" 5 >"n$n.ndjson"
		prepare "n$n.ndjson"
		check "$n data fields, prg $prg: every step ends with status 0" exchange "n$n.ndjson"
		check "$n data fields, prg $prg: the published counts are the truth" both_published "n$n.ndjson" "$(truth "n$n.ndjson")"
	done
done
is_silent() { N_DATA=8 BATCH_ID=content-8 gives 0 step a n8.ndjson verify1 && same "$(<err)" ""; }
check "over good lines, and with other numbers, verify1 is silent" is_silent
unset PRG
export N_DATA=262143 BATCH_ID=the-most
clients 262143 1 >most.ndjson
prepare most.ndjson
check "262143 data fields: every step ends with status 0" exchange most.ndjson
# The shell is slow with so long a text; and the sum over one client is what it has.
the_client() { same "$(jq -c .payload a/internal/publish/most.ndjson b/internal/publish/most.ndjson most.ndjson | uniq | wc -l)" 1; }
check "262143 data fields: the published counts are the truth" the_client

# ------------------------------------------------------------------ integers

export N_DATA=84 BITS=42 BATCH_ID=integers
printf '%s\n' '[4398046511103, 0]' '{"payload": [1, 4398046511103]}' '[4398046511102, 7]' >good.ndjson
{ cat good.ndjson; printf '%s\n' '[4398046511104, 0]' '[0, -1]' '[true, 0]' '[1]' '[1.0, 0]' '["1", 0]'; } >integers.ndjson
check "encode-shares takes integers, and no others" gives 3 encode integers.ndjson
check "the others are skipped" same "$(skipped_lines err integers.ndjson '')" '4 5 6 7 8 9'
check "it says why" says 'integers.ndjson:5: its integer 2 is not one from 0 to 4398046511103; skipped'
check "every step with integers ends with status 0" exchange integers.ndjson
check "their sums are published" both_published integers.ndjson '[8796093022206,4398046511110]'
as_integers() { BITS='' fails 1 'if they are of integers, give --bits' as_a publish --input-internal a/internal/aggregate/integers.ndjson --input-external b/internal/aggregate/integers.ndjson --n-data 2 --output x; }
check "whoever takes them for counts is told" as_integers
unset BITS

# ------------------------------------------------------------------ one point for all

export N_DATA=8 BATCH_ID=content-8 PRG=seed ORDINALS=none
cp a/internal/verify1/n8.ndjson before
check "with one point for all, every step ends with status 0" exchange n8.ndjson
check "and the published counts are the truth" both_published n8.ndjson "$(truth n8.ndjson)"
one_point() {
	local line lines before
	mapfile -t lines <a/internal/verify1/n8.ndjson
	mapfile -t before <before
	same "${lines[0]}" "${before[0]}" || return
	for line in 1 2 3 4; do [ "${lines[line]}" != "${before[line]}" ] || return; done
}
check "which is that of the first line" one_point
moved() {
	tac a/raw/n8.ndjson >moved && mv moved a/raw/n8.ndjson
	gives 0 step a n8.ndjson verify2
}
check "there a line may have moved" moved
unset PRG ORDINALS

# ------------------------------------------------------------------ lines that others have written

# Ids, and what else a partner writes into its lines, are what the cases have that both sides know.
export N_DATA=3 BATCH_ID=ids
printf '%s\n' '[1,0,0]' '[1,1,0]' '[1,1,1]' '[0,0,1]' '[0,0,1]' >ids.ndjson
prepare ids.ndjson
mapfile -t members <"$tests/../cases/members.ndjson"
ids=(0 '"0"' '"\u00e4\"\\ \u0001\ud83d\ude00"' 14695981039346656037 '""')
written=(-0 '"0"' '"ä\"\\ \u0001😀"' 14695981039346656037 '""')
for server in a b; do
	mapfile -t lines <"$server/raw/ids.ndjson"
	for k in 0 1 2 3 4; do
		payload=${lines[k]##*\"payload\": \"}
		payload=${payload%\"\}}
		# Blanks, tabs and line breaks in base64, slashes with a backslash.
		payload="${payload:0:20} \\r\\n\\t${payload:20}"
		printf '{"payload": "%s", "id": %s%s\n' "${payload//\//\\/}" "${written[k]}" "${members[k]#*==\"}"
	done >"$server/raw/ids.ndjson"
done
check "an id may be an integer of any size or any text, base64 may have blanks, other members anything" exchange ids.ndjson
check "0 and \"0\" are two ids" both_published ids.ndjson '[3,2,3]'
ids_of() { sed -n 's/^{"id": \(.*\), "payload": "[^"]*"}$/\1/p' "$1"; }
check "ids come out as Python writes them, and nothing but id and payload does" \
	same "$(ids_of b/internal/verify2/ids.ndjson)" "$(printf '%s\n' "${ids[@]}")"

# ------------------------------------------------------------------ hostile lines in between

# For every line what is wrong with it, on server A, on B, or on both. Both files keep the
# lines of one client in the same place.
export N_DATA=4 BATCH_ID=hostile
clients 4 24 >hostile.ndjson
prepare hostile.ndjson
mapfile -t -O 1 lines_a <a/raw/hostile.ndjson
mapfile -t -O 1 lines_b <b/raw/hostile.ndjson
# put SERVER LINE TEXT: another line; and what is in one that the command wrote.
put() { printf -v "lines_$1[$2]" %s "$3"; }
field() {
	local fields line=lines_$1[$2]
	IFS='"' read -r -a fields <<<"${!line}"
	printf %s "${fields[$3]}"
}
id() { field "$1" "$2" 3; }
packet() { field "$1" "$2" 7; }
share() { printf '{"id": "%s", "payload": "%s"}' "$1" "$2"; }
# A packet with another character in its middle.
damaged() {
	local other=A
	[ "${1:100:1}" != A ] || other=B
	printf %s "${1:0:100}$other${1:101}"
}
# So many of a character.
many() { head -c "$1" /dev/zero | tr '\0' "$2"; }

put a 2 'this is no JSON'
put b 3 "{\"id\": \"$(id b 3)\"}"
put a 4 "$(share "$(id a 4)" 'not base64!')"
put b 5 "$(share "$(id b 5)" "$(packet b 5 | head -c -1)")"
put a 6 "$(share "$(id a 6)" "$(damaged "$(packet a 6)")")"
put b 7 "$(share "$(id b 7)" "$(damaged "$(packet b 7)")")"
# A client that claims to have done it twice.
mapfile -t twice < <("$CHEAT" "$public_a" "$public_b" hostile 2 0 0 0 | perl -MMIME::Base64 -lne 'print encode_base64(pack("H*", $_), "")')
put a 15 "$(share "$(id a 15)" "${twice[0]}")"
put b 15 "$(share "$(id b 15)" "${twice[1]}")"
for server in a b; do
	put "$server" 8 ''
	put "$server" 9 "$(share "$(id "$server" 1)" "$(packet "$server" 9)")"
	put "$server" 10 "$(share "$(id "$server" 10)" "$(packet "$server" 1)")"
	put "$server" 22 "$(share "$(id "$server" 22)" "$(packet "$server" 22)")"$'\r'
done
put a 11 "$(many 2000000 x)"
put a 12 '[1, 2, 3]'
put b 13 "$(many 20000 '[')"
put a 14 "$(share "$(id a 14)" "$(packet b 14)")"
put a 16 "{\"payload\": \"$(packet a 16)\"}"
put b 17 "{\"id\": null, \"payload\": \"$(packet b 17)\"}"
put a 18 '{"id": "a", "id": "b", "payload": ""}'
put b 19 "$(share "$(id b 19)" '')"
put a 20 "{\"id\": \"x\", \"payload\": [$(many 30000 , | sed 's/,/0,/g')0]}"
# Who saw a packet may not keep it out by sending a damaged one first.
put a 21 "$(share "$(id a 21)" "$(damaged "$(packet a 23)")")"
put b 21 "$(share $'\xff'"$(id b 21)" "$(packet b 21)")"
for server in a b; do
	all="lines_${server}[*]"
	IFS=$'\n' eval 'printf %s "${!all}"' >"$server/raw/hostile.ndjson"
done
sed -n '1p; 22,24p' hostile.ndjson >good.ndjson

reported() { same "$(skipped_lines "err_$1" "$1/raw/hostile.ndjson" '')" "$2"; }
check "verify1 ends with status 3 over a file with bad lines" both hostile.ndjson verify1 3
check "verify1 of A reports its bad lines by number" reported a '2 4 6 8 9 10 11 12 14 16 18 20 21'
check "verify1 of B reports its bad lines by number" reported b '3 5 7 8 9 10 13 17 19 21'
check "verify1 of A counts them" same "$(cat out_a)" "13 errors out of 24 total"
says_why() {
	while read -r server number text; do
		[[ $(<"err_$server") == *"hostile.ndjson:$number: $text"* ]] || { printf '# %s\n' "$server $number $text"; return 1; }
	done <<-'WHY'
		a 2 it is not a JSON object; skipped
		b 3 it has no "payload" that is a string; skipped
		a 4 its "payload" is not base64; skipped
		b 5 its "payload" is not base64; skipped
		a 6 decryption failed; skipped
		a 8 it is not a JSON object; skipped
		a 9 its "id" is that of line 1; skipped
		a 10 its packet is that of line 1; skipped
		a 11 it is too long; skipped
		a 12 it is not a JSON object; skipped
		b 13 it is not a JSON object; skipped
		a 14 decryption failed; skipped
		a 16 it has no "id" that is a string or an integer; skipped
		b 17 it has no "id" that is a string or an integer; skipped
		a 18 it is not a JSON object; skipped
		b 19 decryption failed; skipped
		a 20 it has no "payload" that is a string; skipped
		a 21 decryption failed; skipped
		b 21 it is not a JSON object; skipped
	WHY
}
check "verify1 says what is wrong with each" says_why

# The other server's file is not to be trusted either.
keep_apart a b
{ echo 'no JSON'; echo '{"id": "else", "payload": "AAAA"}'; jq -c '.payload = "//8="' a/external/verify1/hostile.ndjson | tail -n 1
	cat a/external/verify1/hostile.ndjson; head -c 100000 /dev/zero | tr '\0' x; echo; } >file
mv file a/external/verify1/hostile.ndjson
check "verify2 goes on with the others" both hostile.ndjson verify2 3
check "verify2 of B reports what either server skipped" reported b '2 3 4 5 6 7 8 9 10 11 12 13 14 16 17 18 19 20 21'
check "verify2 of A does, and what the other one sent malformed" reported a '2 3 4 5 6 7 8 9 10 11 12 13 14 16 17 18 19 20 21 24'
external_lines() { same "$(skipped_lines err_a a/external/verify1/hostile.ndjson '')" '1 17 18'; }
check "verify2 reports bad lines of the other server by number" external_lines
rm -r a/external
ln -s ../b/internal a/external
check "aggregate adds up the good ones" both hostile.ndjson aggregate 3
check "aggregate finds the cheat" grep -q 'hostile.ndjson:15: the proof of its client fails; skipped' err_b
check "aggregate counts all lines, and those that were not added up" \
	same "$(jq -c '[.error, .total]' a/internal/aggregate/hostile.ndjson b/internal/aggregate/hostile.ndjson | tr '\n' ' ')" '[21,24] [21,24] '
check "publish of both servers" both hostile.ndjson publish
check "the published counts are those of the good lines" both_published hostile.ndjson "$(head -n 3 good.ndjson | jq -sc 'map(.payload) | transpose | map(add)')"

# Clients' own files have bad lines, too.
{ cat good.ndjson; echo; echo '{"payload": [0, 1, 2, 1]}'; echo '{"payload": [0, 1, 1]}'; echo '{"payload": "0110"}'
	echo '{"payload": [0, 1, 1, "1"]}'; echo nonsense; echo '{"data": [0, 1, 1, 1]}'; many 2000000 x; echo; echo '{"payload": [0, 1, -1, 1]}'
	echo '{"payload": [0, 1, 0.5, 1]}'; printf '{"payload": [0, 0, 0, 1]}\r'; } >mixed.ndjson
check "encode-shares skips bad lines" gives 3 encode mixed.ndjson
check "encode-shares reports them by number" same "$(skipped_lines err mixed.ndjson '')" '5 6 7 8 9 10 11 12 13 14'
check "encode-shares says what is wrong" grep -q -F 'mixed.ndjson:6: its data field 3 is neither 0 nor 1; skipped' err
check "and the others add up" exchange mixed.ndjson
check "to the truth" both_published mixed.ndjson "$(jq -sc '[.[].payload, [0, 0, 0, 1]] | transpose | map(add)' good.ndjson)"

done_testing
