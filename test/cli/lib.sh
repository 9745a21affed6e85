# shellcheck shell=bash
# What the tests of the command share. Sourced; $PRIO is the command, an absolute path.
# Every check prints a line, as prove(1) reads it. Starting a process is what takes the time here:
# so what the shell can look at itself, it does.
set -euo pipefail

# Root may read and write everything, and some tests are about what one may not.
if [ "$(id -u)" -eq 0 ]; then
	exec setpriv --reuid=nobody --regid=nogroup --clear-groups bash "$0"
fi

: "${PRIO:?the command to test}"
# shellcheck disable=SC2034 # for whoever sources this
tests=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work"
umask 022
export LC_ALL=C
unset DISK N_DATA BATCH_ID SERVER_ID PRIVATE_KEY_HEX SHARED_SECRET PUBLIC_KEY_HEX_INTERNAL \
	PUBLIC_KEY_HEX_EXTERNAL INPUT INPUT_INTERNAL INPUT_EXTERNAL OUTPUT OUTPUT_A OUTPUT_B PRG \
	VDAF MAX_MEASUREMENT LENGTH CHUNK_LENGTH MAX_WEIGHT MAX_VALUE BITS DRAFT CONTEXT \
	ORDINALS SKIPPED_STATUS
export LD_PRELOAD=${PRIO%/*}/disk.so

checks=0
failures=0

# check NAME COMMAND...: does the command succeed?
check() {
	local title=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		printf 'ok %d - %s\n' "$checks" "$title"
	else
		failures=$((failures + 1))
		printf 'not ok %d - %s\n' "$checks" "$title"
		sed 's/^/# /' out err
	fi
}

# The end of a test, and its status.
done_testing() {
	printf '1..%d\n' "$checks"
	[ "$failures" -eq 0 ]
}

# gives STATUS COMMAND...: does it end with this status? Leaves what it printed in the
# files out and err.
gives() {
	local expected=$1 status=0
	shift
	"$@" >out 2>err || status=$?
	[ "$status" -eq "$expected" ] || { printf '# status %d, not %d\n' "$status" "$expected"; return 1; }
}

# Did it say something that fits this pattern of the shell on standard error, in so many lines if a
# number is given, and is every line a message of ours?
says() {
	local line lines IFS=$'\n'
	mapfile -t lines <err
	for line in "${lines[@]}"; do [[ $line == prio* ]] || return; done
	[ $# -lt 2 ] || same "${#lines[@]}" "$2" || return
	# shellcheck disable=SC2053 # a pattern
	[[ "${lines[*]}" == *$1* ]]
}

# fails STATUS TEXT COMMAND...: does it end like that, with this message?
fails() {
	local status=$1 text=$2
	shift 2
	gives "$status" "$@" && says "$text"
}

same() { [ "$1" = "$2" ] || { printf '# have %s\n# want %s\n' "${1:0:300}" "${2:0:300}"; return 1; }; }

# The numbers of the lines of a file, "$2", of which messages in "$1" say that they are skipped; of those
# in whose message "$3" is.
skipped_lines() {
	local line found=()
	while IFS= read -r line; do
		[[ $line != *"$3"* ]] || [[ ! $line =~ ^prio\ [a-z0-9-]+:\ "$2":([0-9]+):\ .*\;\ skipped$ ]] || found+=("${BASH_REMATCH[1]}")
	done <"$1"
	printf '%s' "${found[*]}"
}

# Is nothing at all in this directory, or not even the directory there?
is_empty() { [ ! -e "$1" ] || [ -z "$(ls -A "$1")" ]; }

# Do these files have the same content, which is text?
same_files() { same "$(<"$1")" "$(<"$2")"; }

# Removes what is there; mostly nothing is.
remove() {
	local path there=()
	for path; do [ ! -e "$path" ] || there+=("$path"); done
	[ ${#there[@]} -eq 0 ] || rm -rf "${there[@]}"
}

# ------------------------------------------------------------------ two servers

# Fresh keys of both servers, and their secret; and what one server writes is what the other one gets.
make_keys() {
	"$PRIO" keygen >key_a.json
	"$PRIO" keygen >key_b.json
	read -r private_a public_a private_b public_b secret < <("$PRIO" shared-seed | jq -r -s --slurpfile a key_a.json --slurpfile b key_b.json \
		'[$a[0].private_key, $a[0].public_key, $b[0].private_key, $b[0].public_key, .[0].shared_seed] | join(" ")')
	make_servers
}
make_servers() {
	mkdir -p a/internal b/internal
	ln -sn ../b/internal a/external
	ln -sn ../a/internal b/external
}

# Runs the command with the keys of server A, or of B, in its environment.
as_a() {
	SERVER_ID=A PRIVATE_KEY_HEX=$private_a SHARED_SECRET=$secret PUBLIC_KEY_HEX_INTERNAL=$public_a \
		PUBLIC_KEY_HEX_EXTERNAL=$public_b "$PRIO" "$@"
}
as_b() {
	SERVER_ID=B PRIVATE_KEY_HEX=$private_b SHARED_SECRET=$secret PUBLIC_KEY_HEX_INTERNAL=$public_b \
		PUBLIC_KEY_HEX_EXTERNAL=$public_a "$PRIO" "$@"
}
as_client() { PUBLIC_KEY_HEX_INTERNAL=$public_a PUBLIC_KEY_HEX_EXTERNAL=$public_b "$PRIO" "$@"; }

encode() { as_client encode-shares --input "$1" --output-A a/raw --output-B b/raw; }
# The same where it is not what is tested.
prepare() { encode "$1" 2>/dev/null; }

# The steps of one server, "a" or "b", over the file $2 of $1/raw. What the other server
# wrote is in $1/external, as if it had been sent there.
step() {
	local server=$1 name=$2 step=$3 input=raw before=verify1 arguments=()
	[ "$step" = aggregate ] && before=verify2
	[ "$step" = publish ] && before=aggregate
	[ "$step" = publish ] || arguments+=(--input "$server/$input/$name")
	[ "$step" = verify1 ] || arguments+=(--input-internal "$server/internal/$before/$name"
		--input-external "$server/external/$before/$name")
	"as_$server" "$step" "${arguments[@]}" --output "$server/internal/$step"
}

# From now on server $1 has a copy of what the other one sends, which a test may change.
keep_apart() {
	rm "$1/external"
	cp -r "$2/internal" "$1/external"
}

# The lines of files, one after the other.
lines_of_files() {
	local path text
	for path; do
		text=$(<"$path")
		printf '%s' "${text:+$text$'\n'}"
	done
}

# A step on both servers; $3 is the status that both must end with.
both() {
	local name=$1 step=$2 status=${3:-0} server
	for server in a b; do
		gives "$status" step "$server" "$name" "$step" || return
		lines_of_files out >"out_$server"
		lines_of_files err >"err_$server"
	done
	lines_of_files out_a out_b >out
	lines_of_files err_a err_b >err
}

# All steps of both; what both publish is in a/internal/publish and b/internal/publish.
exchange() {
	local name=$1 status=${2:-0}
	both "$name" verify1 "$status" && both "$name" verify2 "$status" &&
		both "$name" aggregate "$status" && both "$name" publish
}

# What server $1 published.
published() {
	local text
	text=$(<"$1/internal/publish/$2")
	text=${text##*\"payload\": }
	printf '%s' "${text//[ \}]/}"
}

# The sums over a file of clients.
truth() { jq -sc 'map(.payload) | transpose | map(add)' "$1"; }

# Did both servers publish this?
both_published() { same "$(published a "$1")" "$2" && same "$(published b "$1")" "$2"; }

# $2 clients with $1 bits each.
clients() {
	jq -nc --argjson n "$1" --argjson clients "$2" \
		'range($clients) as $c | {payload: [range($n) | (. * ($c + 3) + $c) % 7 % 2]}'
}
