#!/usr/bin/env bash
# What goes wrong gets a message that says what to do, the documented exit status, and
# leaves no file that is half written.
# shellcheck disable=SC2016,SC2030,SC2031 # names of variables in messages; a subshell is meant
# shellcheck source=test/cli/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CHEAT:?}"
make_keys
export N_DATA=3 BATCH_ID=test
printf '%s\n' '[1, 0, 0]' '[1, 1, 0]' '[1, 1, 1]' >data.ndjson
prepare data.ndjson
exchange data.ndjson

# The steps of server A over the good batch, with more options at the end; the last one
# counts. Their output goes to new/, where nothing is before.
verify1() { as_a verify1 --input a/raw/data.ndjson --output new "$@"; }
verify2() {
	as_a verify2 --input a/raw/data.ndjson --input-internal a/internal/verify1/data.ndjson \
		--input-external a/external/verify1/data.ndjson --output new "$@"
}
aggregate() {
	as_a aggregate --input a/raw/data.ndjson --input-internal a/internal/verify2/data.ndjson \
		--input-external a/external/verify2/data.ndjson --output new "$@"
}
publish() {
	as_a publish --input-internal a/internal/aggregate/data.ndjson \
		--input-external a/external/aggregate/data.ndjson --output new "$@"
}
encode_shares() { as_client encode-shares --input data.ndjson --output-A new/a --output-B new/b "$@"; }

# Like fails(), and nothing is written.
refuses() {
	remove new
	fails "$@" && { [ ! -e new ] || [ -z "$(find new -type f)" ]; }
}
# Like fails(), with status 3: the output is there.
reports() {
	remove new
	fails 3 "$@" && [ -f new/data.ndjson ]
}
works() {
	remove new
	gives 0 "$@" && [ -n "$(find new -type f)" ]
}
for command in encode_shares verify1 verify2 aggregate publish; do
	check "$command works to begin with" works "$command"
done

# ------------------------------------------------------------------ command line

# shellcheck disable=SC2053 # a pattern
prints() { gives 0 "$PRIO" "${@:2}" && [[ $(<out) == *$1* ]] && [ ! -s err ]; }
check "--help lists the commands" prints '  encode-shares ' --help
check "COMMAND --help lists its options and their variables" prints '(\$SHARED_SECRET)' verify1 --help
check "COMMAND --help needs nothing else" prints 'Make a key pair' keygen --help
check "--version prints it" prints 'prio [0-9]*.[0-9]' --version
check "no command" refuses 2 'no command given; prio --help lists them' "$PRIO"
check "an unknown command" refuses 2 'there is no command "verify3"; prio --help' "$PRIO" verify3
check "an unknown option" refuses 2 'there is no option --inputs; prio verify1 --help' verify1 --inputs x
check "an abbreviated option" refuses 2 'there is no option --inp;' verify1 --inp=x
check "an option of another command" refuses 2 'there is no option --output-A;' verify1 --output-A x
check "an argument that is no option" refuses 2 'unexpected argument "x"' verify1 x
check "an option without its value" refuses 2 'needs a value' verify1 --input
check "keygen takes no options" refuses 2 'there is no option --n-data' "$PRIO" keygen --n-data 3

missing() {
	local command=$1 flag=$2 variable=$3
	(
		export N_DATA=3 BATCH_ID=test SERVER_ID=A PRIVATE_KEY_HEX=$private_a SHARED_SECRET=$secret \
			PUBLIC_KEY_HEX_INTERNAL=$public_a PUBLIC_KEY_HEX_EXTERNAL=$public_b INPUT=data.ndjson \
			INPUT_INTERNAL=data.ndjson INPUT_EXTERNAL=data.ndjson OUTPUT=new OUTPUT_A=new/a OUTPUT_B=new/b
		export "$variable="
		refuses 2 "$flag is missing; give it, or set $variable in the environment" "$PRIO" "$command" && says '' 1
	)
}
batch='N_DATA BATCH_ID PUBLIC_KEY_HEX_INTERNAL PUBLIC_KEY_HEX_EXTERNAL'
server="$batch SERVER_ID PRIVATE_KEY_HEX SHARED_SECRET INPUT OUTPUT"
while read -r command variables; do
	for variable in $variables; do
		flag=--${variable,,}
		flag=${flag//_/-}
		[[ $flag != --output-[ab] ]] || flag=${flag%?}${variable: -1}
		check "$command without $flag" missing "$command" "$flag" "$variable"
	done
done <<COMMANDS
encode-shares $batch INPUT OUTPUT_A OUTPUT_B
verify1 $server
verify2 $server INPUT_INTERNAL INPUT_EXTERNAL
aggregate $server INPUT_INTERNAL INPUT_EXTERNAL
publish INPUT_INTERNAL INPUT_EXTERNAL OUTPUT
COMMANDS

# No value is shown: it may be a secret, or nearly one.
bad_value() { refuses 2 "the value of $1 is not valid; expected $2" verify1 "$1" "$3" && { [ "${#3}" -lt 16 ] || [[ $(<err) != *"$3"* ]]; }; }
for value in '' 0 262144 -1 +3 3x ' 3' 0x3 three 99999999999999999999; do
	check "n-data '$value'" bad_value --n-data 'a number from 1 to 262143' "$value"
done
for value in '' C a AB; do check "server id '$value'" bad_value --server-id 'A or B' "$value"; done
for value in '' SEED batches; do check "prg '$value'" bad_value --prg 'batch or seed' "$value"; done
for value in '' "${private_a:1}" "${private_a}0" "${private_a:1}g"; do
	check "a private key with ${#value} characters" bad_value --private-key-hex '64 hexadecimal digits' "$value"
	check "a public key with ${#value} characters" bad_value --public-key-hex-external '64 hexadecimal digits' "$value"
done
for value in '' 'AAAAAAAAAAAAAAAAAAAAAA=' 'AAAAAAAAAAAAAAAAAAAAA===' 'AAAAAAAAAAAAAAAAAAAAAAAA' \
	'AAAAAAAAAAAAAAAAAAAAAAA=' '!AAAAAAAAAAAAAAAAAAAAA==' 0123456789abcdef0123456789abcde 'AA==AAAAAAAAAAAAAAAAAAAA'; do
	check "a shared secret '$value'" bad_value --shared-secret '16 bytes in base64' "$value"
done
for value in '' one LINES; do check "ordinals '$value'" bad_value --ordinals 'lines or none' "$value"; done
for value in '' 1 00; do check "a status '$value'" bad_value --skipped-status '3 or 0' "$value"; done
for value in 0 65; do check "$value bits" bad_value --bits 'a number from 1 to 64' "$value"; done
check "bits that are no part of the data fields" refuses 2 '3 data fields are no number of integers with 2 bits each; check --n-data and --bits' \
	encode_shares --bits 2
check "integers that are too long" refuses 2 'integers of Prio v1 have at most 42 bits; check --bits' publish --bits 43
for option in input output; do check "an empty path" bad_value --$option 'a path' ''; done
check "an empty batch id" bad_value --batch-id '1 to 65535 bytes' ''
long_batch_id() { refuses 2 'the value of \$BATCH_ID is not valid; expected 1 to 65535 bytes' env BATCH_ID="$(head -c 65536 /dev/zero | tr '\0' x)" "$PRIO" verify1; }
check "a batch id of 65536 bytes" long_batch_id
hex_secret() {
	works verify1 --shared-secret "$(perl -MMIME::Base64 -e 'print unpack("H*", decode_base64(shift))' "$secret")" &&
		cmp new/data.ndjson a/internal/verify1/data.ndjson
}
check "a shared secret may be 32 hexadecimal digits" hex_secret

# ------------------------------------------------------------------ keys

check "a private key that is not that of the public one" refuses 2 'does not belong to the public key' \
	verify1 --private-key-hex "$public_b"
check "the two public keys swapped" refuses 2 'internal is the key of this server, external that of the other one' \
	verify1 --public-key-hex-internal "$public_b" --public-key-hex-external "$public_a"
check "a public key that is no point" refuses 2 'the value of --public-key-hex-external is not a usable public key' \
	encode_shares --public-key-hex-external 0000000000000000000000000000000000000000000000000000000000000000

printf '%s\n\n' "$private_a" >private.key
printf '%s' "$secret" >shared.key
printf 'nothing' >wrong.key
: >empty.key
chmod 600 private.key shared.key wrong.key empty.key
cp private.key open.key
chmod 640 open.key
check "secrets may come from files" works verify1 --private-key-hex @private.key --shared-secret @shared.key
check "a key file that others can read" refuses 2 'open.key" for --private-key-hex is open to others; its mode must be 0600' \
	verify1 --private-key-hex @open.key
check "a key file that is not there" refuses 2 'cannot read the file "none.key" for --shared-secret: No such file' \
	verify1 --shared-secret @none.key
check "a key file that is a directory" refuses 2 'cannot read the file "a" for --shared-secret: Is a directory' \
	verify1 --shared-secret @a
check "a key file without a key" refuses 2 'the file "wrong.key" for --shared-secret holds no such value; expected 16 bytes' \
	verify1 --shared-secret @wrong.key
check "an empty key file" refuses 2 'the file "empty.key" for --private-key-hex holds no such value; expected 64' \
	verify1 --private-key-hex @empty.key
check "only secrets may come from files" bad_value --public-key-hex-internal '64 hexadecimal digits' @private.key

# ------------------------------------------------------------------ what does not belong together

check "verify1 over the shares of the other server" reports 'no line was good: check that --input has shares for this server' \
	verify1 --input b/raw/data.ndjson
check "verify1 with another batch id" reports 'wrong batch; skipped' verify1 --batch-id other
check "verify1 with another number of data fields" reports 'wrong length; skipped' verify1 --n-data 4
as_other() { private_a=$private_b public_a=$public_b verify1 "$@"; }
check "verify1 with another key" reports 'decryption failed; skipped' as_other
check "verify2 with another secret than verify1" reports 'its message in --input-internal is another' \
	verify2 --shared-secret AAAAAAAAAAAAAAAAAAAAAA==
check "verify2 with another prg than verify1" reports 'its message in --input-internal is another' verify2 --prg seed
tac a/raw/data.ndjson >moved.ndjson
check "verify2 over lines that have moved" reports 'moved.ndjson:1: its message in --input-internal is another' verify2 --input moved.ndjson
middle_stays() { same "$(wc -l <new/data.ndjson)" 1 && same "$(cat out)" '2 errors out of 3 total'; }
check "but not over one that has not" middle_stays
check "verify2 with messages of another batch" reports 'no such "id"' verify2 --input-external data.ndjson
check "verify2 with messages of round 2" reports 'its message in --input-external is malformed' \
	verify2 --input-external a/external/verify2/data.ndjson
secret=AAAAAAAAAAAAAAAAAAAAAA== gives 0 as_b verify1 --input b/raw/data.ndjson --output other/verify1
works verify2 --input-external other/verify1/data.ndjson
mv new other/verify2
check "servers with different secrets" reports 'no line was good: * both servers have the same --shared-secret, --batch-id, --n-data, --prg and --ordinals' \
	aggregate --input-internal other/verify2/data.ndjson
check "with another status where nothing shall tell" works aggregate --input-internal other/verify2/data.ndjson --skipped-status 0
zero_total() { same "$(jq -c '[.error, .total]' new/data.ndjson)" '[3,3]'; }
check "their total counts nobody" zero_total

bad_total() { refuses 1 "$1" publish --input-external total.json; }
total() { jq -c "$1" a/external/aggregate/data.ndjson >total.json; }
check "publish with one total twice" refuses 1 'both totals are of server A' publish --input-external a/internal/aggregate/data.ndjson
check "publish with the totals swapped" refuses 1 'is the total of server B; --input-internal takes the one of this server, A' \
	publish --input-internal a/external/aggregate/data.ndjson --input-external a/internal/aggregate/data.ndjson
check "publish with another number of integers" refuses 1 'the totals have 3 entries; check --n-data, which is 3, and --bits' publish --bits 3
check "publish with another number of data fields" refuses 1 'the totals have 3 entries; check --n-data, which is 4' publish --n-data 4
total '.payload = "AZGhAQ=="'
check "publish with totals of different length" bad_total 'the totals have 3 and 1 entries; they are not of one batch'
total '.total = 4'
check "publish with totals of different numbers of shares" bad_total 'the servers added up 3 and 4 shares; they must add up the same'
total '.total = 2 | .error = 3'
check "publish with counts that cannot be" bad_total 'its "error" and "total" are no counts'
total '{payload}'
check "publish takes a total without counts" works publish --input-external total.json
total '{error, total}'
check "publish with no payload" bad_total 'total.json": it has no "payload" that is a string; --input-external takes what aggregate wrote'
total '.payload |= .[1:]'
check "publish with bad base64" bad_total 'its "payload" is not base64'
total '.payload |= .[0:-4]'
check "publish with a total that is cut off" bad_total 'its "payload" is not a total share'
total '[.]'
check "publish with a JSON array" bad_total 'it is not a JSON object'
echo '{"payload": ' >total.json
check "publish with half a JSON object" bad_total 'it is not a JSON object'
: >total.json
check "publish with an empty file" bad_total 'it is empty; --input-external takes what aggregate wrote'
head -c 10000000 /dev/zero | tr '\0' ' ' >total.json
check "publish with a file that is too long" bad_total 'it is not a JSON object'
jq . a/external/aggregate/data.ndjson >total.json
check "publish takes JSON over many lines" works publish --input-external total.json
# The totals of two batches: noise.
export BATCH_ID=noise
mv data.ndjson keep && printf '%s\n' '[0,1,1]' '[0,1,1]' '[0,0,1]' >data.ndjson
mkdir n
(cd n && make_servers)
as_client encode-shares --input data.ndjson --output-A n/a/raw --output-B n/b/raw 2>/dev/null
mv keep data.ndjson
noise() { (cd n && both data.ndjson verify1 && both data.ndjson verify2 && both data.ndjson aggregate); }
check "another batch of the same size" noise
export BATCH_ID=test
cp n/a/external/aggregate/data.ndjson total.json
check "publish with totals of different batches" bad_total 'the totals do not belong together: entry 1 of their sum is beyond any number of clients'
perl -MMIME::Base64 -ne '/"payload": "([^"]*)"/; $t = decode_base64($1); print encode_base64(substr($t, 0, 2) . "\xa1\x09" . "\xa1\x00" x 2, "")' \
	a/internal/aggregate/data.ndjson >payload
jq -c --rawfile payload payload '.payload = $payload' a/internal/aggregate/data.ndjson >small_a.json
jq -c --arg payload AZOhAKEAoQA= '.payload = $payload' a/internal/aggregate/data.ndjson >small_b.json
check "publish with an entry beyond the number of clients" refuses 1 'entry 1 of their sum is beyond the 3 shares that were added up' \
	publish --input-internal small_a.json --input-external small_b.json

# ------------------------------------------------------------------ files

: >empty.ndjson
mkdir directory
cp a/raw/data.ndjson closed.ndjson
chmod 000 closed.ndjson
for option in input input-internal input-external; do
	check "verify2 with --$option missing" refuses 1 "cannot read \"nowhere.ndjson\": No such file or directory; check --$option" \
		verify2 "--$option" nowhere.ndjson
	check "verify2 with --$option unreadable" refuses 1 "cannot read \"closed.ndjson\": Permission denied; check --$option" \
		verify2 "--$option" closed.ndjson
	check "verify2 with --$option a directory" refuses 1 "\"directory\" is a directory; --$option takes one file at a time" \
		verify2 "--$option" directory
	reports_empty() { remove new; fails 3 "\"empty.ndjson\" is empty; check --$1" verify2 "--$1" empty.ndjson; }
	check "verify2 with --$option empty" reports_empty "$option"
done
empty_output() { remove new; fails 3 '"empty.ndjson" is empty; check --input' verify1 --input empty.ndjson && [ -f new/empty.ndjson ] && [ ! -s new/empty.ndjson ]; }
check "an empty file gives an empty one, and a message" empty_output
empty_shares() { remove new; fails 3 '"empty.ndjson" is empty' encode_shares --input empty.ndjson && [ -f new/a/empty.ndjson ] && [ -f new/b/empty.ndjson ]; }
check "also for encode-shares" empty_shares
may_be_empty() { remove new; SKIPPED_STATUS=0 gives 0 "$@" && says '"empty.ndjson" is empty' && [ -n "$(find new -name empty.ndjson -size 0)" ]; }
check "it may be empty where the status shall not tell" may_be_empty verify1 --input empty.ndjson
check "with a flag as well" may_be_empty encode_shares --input empty.ndjson --skipped-status 0
garbage() { remove new; fails 3 'no line was good' verify1 --input "$BASH" && same "$(find new -size 0 | wc -l)" 1; }
check "a file that is no text" garbage

mkdir closed
chmod 500 closed
check "a directory that one may not write to" refuses 1 'cannot make a file in "closed": Permission denied; check --output' verify1 --output closed
check "nor make directories in" refuses 1 'cannot make a file in "closed/x/y": *; check --output' verify1 --output closed/x/y
check "an output directory that is a file" refuses 1 'cannot make a file in "data.ndjson": Not a directory; check --output' verify1 --output data.ndjson
mkdir -p taken/data.ndjson
check "an output that is a directory" refuses 1 '"taken/data.ndjson" is there and is not a file; choose another --output' verify1 --output taken
check "an output that would replace its input" refuses 2 '"a/raw/data.ndjson" would replace its own input; choose another --output' \
	verify1 --output a/raw
check "or another of its inputs" refuses 2 'would replace its own input' verify2 --output a/external/verify1
check "the inputs are still there" works verify2
check "both shares in one directory" refuses 2 'both outputs would be "new/../new/data.ndjson"; choose another --output-B' \
	encode_shares --output-A new/ --output-B new/../new
replaces() {
	remove new
	mkdir new
	echo old >new/data.ndjson
	gives 0 verify1 && cmp new/data.ndjson a/internal/verify1/data.ndjson
}
check "an older output is replaced" replaces
old_stays() {
	remove new
	mkdir new
	echo old >new/data.ndjson
	gives 2 verify1 --private-key-hex "$public_b" && same "$(cat new/data.ndjson)" old
}
check "but not by a run that fails" old_stays

# ------------------------------------------------------------------ full disks

onto_full() {
	local status=0
	remove new
	"$@" >/dev/full 2>err || status=$?
	: >out
	[ "$status" -eq 1 ] && says 'cannot write to standard output: No space left on device' && is_empty new
}
check "keygen onto a full disk" onto_full "$PRIO" keygen
check "shared-seed onto a full disk" onto_full "$PRIO" shared-seed
check "--help onto a full disk" onto_full "$PRIO" --help
check "a step that cannot say how many lines were bad" onto_full verify1
# Its messages go through a pipe: the limit is on all files.
limited() { { (ulimit -f 0; "$@" 2>&1 >/dev/null) | cat; } >&2; }
for command in encode_shares verify1 verify2 aggregate publish; do
	check "$command where a file cannot grow" refuses 1 'cannot write "new/*data.ndjson": File too large; nothing was written' limited "$command"
done
disk() { DISK=$1 "${@:2}"; }
calls() { same "$(sed -n 's/^prio: disk: //p' err | tr '\n' ' ')" "$1"; }
check "a disk that fails to sync" refuses 1 'cannot write "new/a/data.ndjson": Input/output error; nothing was written' disk fsync encode_shares
check "a file that cannot be renamed" refuses 1 'cannot write "new/data.ndjson": Input/output error; nothing was written' disk rename verify1
check "the second of two files that cannot be renamed" refuses 1 'cannot write "new/b/data.ndjson": Input/output error; nothing was written' disk second encode_shares
first_stays() {
	remove new
	mkdir -p new/a
	echo old >new/a/data.ndjson
	fails 1 'cannot write "new/b/data.ndjson"' disk second encode_shares && same "$(cat new/a/data.ndjson)" old && same "$(find new -type f | wc -l)" 1
}
check "leaves the older first one as it was" first_stays
check "both shares of encode-shares" gives 0 disk log encode_shares
check "files are synced before any gets its name, directories after" calls 'fsync fsync rename rename fsync fsync '

# ------------------------------------------------------------------ killed in the middle

# Starts verify1 on a pipe that stays open, gives it one line, and waits until it has its
# temporary file. The process is $pid then, and the pipe is descriptor 9. What it does about
# signals is up to $signals and not to who started this test: nohup would have it ignore SIGHUP,
# a shell in the background SIGINT, and no trap undoes that.
signals=--default-signal
start() {
	remove new pipe
	mkfifo pipe
	SERVER_ID=A PRIVATE_KEY_HEX=$private_a SHARED_SECRET=$secret PUBLIC_KEY_HEX_INTERNAL=$public_a \
		PUBLIC_KEY_HEX_EXTERNAL=$public_b env "$signals" \
		"$PRIO" verify1 --input pipe --output new "$@" >out 2>err &
	pid=$!
	exec 9>pipe
	head -n 1 a/raw/data.ndjson >&9
	while [ -z "$(find new -name '.prio.*' 2>/dev/null)" ] && kill -0 "$pid"; do sleep 0.01; done
}
end() {
	status=0
	exec 9>&-
	wait "$pid" 2>/dev/null || status=$?
}
killed() {
	start
	kill "-$1" "$pid"
	end
	[ "$status" -eq $((128 + $(kill -l "$1"))) ] && [ ! -e new/pipe ]
}
for signal in INT TERM HUP QUIT XCPU ALRM USR1 USR2; do
	cleans_up() { killed "$1" && is_empty new && says 'interrupted; nothing was written'; }
	check "killed by SIG$signal, it leaves nothing" cleans_up "$signal"
done
no_core() {
	start
	grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
	local limited=$?
	end
	return $limited
}
check "it leaves no core, which would have its keys" no_core
check "killed by SIGKILL, it leaves no file with its name" killed KILL
only_temporary() { same "$(find new -type f | wc -l)" 1 && same "$(find new -name '.prio.*' | wc -l)" 1; }
check "but a temporary one" only_temporary
ignored() {
	signals=--ignore-signal=$1 start
	kill "-$1" "$pid"
	end
	[ "$status" -eq 0 ] && [ -s new/pipe ]
}
for signal in INT TERM HUP; do
	check "SIG$signal is ignored if it was started to ignore it" ignored "$signal"
done

# ------------------------------------------------------------------ secrets

nothing_shown() { ! grep -q -e "$1" shown; }
hides_environment() {
	start
	tr '\0' ' ' <"/proc/$pid/cmdline" >shown
	tr '\0' ' ' <"/proc/$pid/environ" >>shown
	end
	[ "$status" -eq 0 ] && grep -q "$public_b" shown && nothing_shown "$private_a" && nothing_shown "$secret"
}
check "the private key and the secret cannot be seen in its environment" hides_environment
hides_flags() {
	start --private-key-hex "$private_a" --shared-secret "$secret"
	tr '\0' ' ' <"/proc/$pid/cmdline" >shown
	end
	[ "$status" -eq 0 ] && grep -q verify1 shown && nothing_shown "$private_a" && nothing_shown "$secret"
}
check "nor in its command line" hides_flags

# ------------------------------------------------------------------ memory

# The most that it ever had, in kB, after a line through the pipe; the next one can only be
# written when nearly all of the first has been read.
peak() {
	start
	{ "$@"; printf '\n'; head -n 2 a/raw/data.ndjson; head -c 65536 /dev/zero; printf '\n'; } >&9
	rm -f peak
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" >peak
	end
	[ "$status" -eq 3 ] && [ "$(wc -l <new/pipe)" -eq 2 ]
}
stays_small() { peak "$@" && [ "$(cat peak)" -lt 90000 ]; }
long_line() { head -c 100000000 /dev/zero | tr '\0' x; }
check "a line of 100 MB takes less than 90 MB" stays_small long_line
many_values() { printf '{"id": "x", "payload": ['; head -c 8000000 /dev/zero | sed 's/\x0/0,/g'; printf '0]}'; }
many_values_stay_small() {
	N_DATA=262143 peak many_values || [ "$status" -eq 3 ] && [ "$(cat peak)" -lt 90000 ]
}
check "so does one of 8 million values, where packets are long" many_values_stay_small

# ------------------------------------------------------------------ progress

export N_DATA=2046 BATCH_ID=long
clients 2046 20 >long.ndjson
prepare long.ndjson
echo nonsense >>a/raw/long.ndjson
terminal() {
	remove new
	SERVER_ID=A PRIVATE_KEY_HEX=$private_a SHARED_SECRET=$secret PUBLIC_KEY_HEX_INTERNAL=$public_a \
		PUBLIC_KEY_HEX_EXTERNAL=$public_b SHELL=/bin/sh script -q -e -c "'$PRIO' verify1 --input a/raw/$1 --output new" typescript >out 2>&1
}
bar() { gives 3 terminal long.ndjson && grep -q $'\rprio verify1: \\[####*\\.*\\] *[0-9]*\\.[0-9] %, [0-9]*:[0-9][0-9] left' out; }
check "long input has a progress bar on a terminal" bar
wiped() { grep -q $'\r\033\\[Kprio verify1: a/raw/long.ndjson:21: it is not a JSON object; skipped' out; }
check "a message comes above it" wiped
no_bar() { N_DATA=3 BATCH_ID=test gives 0 terminal data.ndjson && ! grep -q '%' out; }
check "short input has none" no_bar
file_has_no_bar() { gives 3 as_a verify1 --input a/raw/long.ndjson --output new && ! grep -q '%' err; }
check "nor is there one when standard error is no terminal" file_has_no_bar

done_testing
