# shellcheck shell=bash
# What the tests of the command share. Sourced; $PRIO is the command, an absolute path.
# Every check prints a line, as prove(1) reads it.
set -euo pipefail

# Root may read and write everything, and some tests are about what one may not.
if [ "$(id -u)" -eq 0 ]; then
	exec setpriv --reuid=nobody --regid=nogroup --clear-groups bash "$0"
fi

: "${PRIO:?the command to test}"
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work"
umask 022
export LC_ALL=C
unset DISK N_DATA BATCH_ID SERVER_ID PRIVATE_KEY_HEX SHARED_SECRET PUBLIC_KEY_HEX_INTERNAL \
	PUBLIC_KEY_HEX_EXTERNAL INPUT INPUT_INTERNAL INPUT_EXTERNAL OUTPUT OUTPUT_A OUTPUT_B PRG \
	VDAF MAX_MEASUREMENT LENGTH CHUNK_LENGTH MAX_WEIGHT MAX_VALUE BITS DRAFT CONTEXT
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

# Did it say this on standard error, and is every line a message of ours?
says() { grep -q -- "$1" err && ! grep -v -q '^prio' err; }

# fails STATUS TEXT COMMAND...: does it end like that, with this message?
fails() {
	local status=$1 text=$2
	shift 2
	gives "$status" "$@" && says "$text"
}

same() { [ "$1" = "$2" ] || { printf '# have %s\n# want %s\n' "${1:0:300}" "${2:0:300}"; return 1; }; }

# Is nothing at all in this directory, or not even the directory there?
is_empty() { [ -z "$(ls -A "$1" 2>/dev/null)" ]; }

# ------------------------------------------------------------------ two servers

# Fresh keys of both servers, and their secret.
make_keys() {
	"$PRIO" keygen >key_a.json
	"$PRIO" keygen >key_b.json
	public_a=$(jq -r .public_key key_a.json)
	public_b=$(jq -r .public_key key_b.json)
	private_a=$(jq -r .private_key key_a.json)
	private_b=$(jq -r .private_key key_b.json)
	secret=$("$PRIO" shared-seed | jq -r .shared_seed)
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

# One server sends the other what it wrote.
send() {
	local from=$1 to=$2 name=$3 step=$4
	mkdir -p "$to/external/$step"
	cp "$from/internal/$step/$name" "$to/external/$step/$name"
}

# A step on both servers; $3 is the status that both must end with.
both() {
	local name=$1 step=$2 status=${3:-0}
	gives "$status" step a "$name" "$step"
	mv err err_a
	mv out out_a
	gives "$status" step b "$name" "$step"
	mv err err_b
	mv out out_b
	cat err_a err_b >err
	cat out_a out_b >out
	send a b "$name" "$step"
	send b a "$name" "$step"
}

# All steps of both; what both publish is in a/internal/publish and b/internal/publish.
exchange() {
	local name=$1 status=${2:-0}
	both "$name" verify1 "$status" && both "$name" verify2 "$status" &&
		both "$name" aggregate "$status" && both "$name" publish
}

published() { jq -c .payload "$1/internal/publish/$2"; }

# The sums over a file of clients.
truth() { jq -sc 'map(.payload) | transpose | map(add)' "$1"; }

# Did both servers publish this?
both_published() { same "$(published a "$1")" "$2" && same "$(published b "$1")" "$2"; }

# $2 clients with $1 bits each.
clients() {
	jq -nc --argjson n "$1" --argjson clients "$2" \
		'range($clients) as $c | {payload: [range($n) | (. * ($c + 3) + $c) % 7 % 2]}'
}
