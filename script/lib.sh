# shellcheck shell=bash disable=SC2154
# What the scripts share. Sourced with $root, the root of the source tree, set.

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root, and there is no sudo: run script/setup as root first"
	fi
}

# Whatever the environment says: a finding of a sanitizer ends its program, and a leak is one.
strict_sanitizers() {
	export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1:detect_stack_use_after_return=1:strict_init_order=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	export LSAN_OPTIONS=exitcode=23
}

# Do sanitizers stop this program, made of test/core/canary.c, each time they must?
check_canary() {
	local program=$1 canary finding
	canary=$(mktemp)
	while read -r finding; do
		printf '%s' "${finding%% *}" >"$canary"
		if "$program" "$canary" >"$canary.log" 2>&1 || ! grep -q "${finding#* }" "$canary.log"; then
			cat "$canary.log"
			die "$program: no sanitizer stopped the $finding"
		fi
	done <<-'FINDINGS'
		leak LeakSanitizer: detected memory leaks
		overread AddressSanitizer: heap-buffer-overflow
		undefined runtime error: signed integer overflow
	FINDINGS
	rm -f "$canary" "$canary.log"
}

# The newest PostgreSQL with everything it takes to build against it.
find_postgresql() {
	local config
	PG_CONFIG=${PG_CONFIG:-}
	if [ -z "$PG_CONFIG" ]; then
		for config in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -t/ -k5 -n -r); do
			if [ -x "${config%pg_config}initdb" ] && [ -e "$("$config" --pgxs)" ]; then
				PG_CONFIG=$config
				break
			fi
		done
	fi
	[ -x "$PG_CONFIG" ] || die "found no PostgreSQL to build against: run script/setup, or set PG_CONFIG"
	export PG_CONFIG
	bindir=$("$PG_CONFIG" --bindir)
	PATH=$bindir:$PATH
}

# PostgreSQL refuses to run as root. So root hands a copy of the tree to an unprivileged
# user and starts the calling script again there: `unprivileged "$@"`. Sets $work, a
# directory of our own that is removed at the end, in any case.
unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		work=$(mktemp -d /tmp/prio.XXXXXX)
		trap 'rm -rf "$work"' EXIT
		mkdir "$work/tree"
		tar -C "$root" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' -cf - . |
			tar -C "$work/tree" -xf -
		chown -R postgres: "$work"
		HOME=$work runuser -u postgres -- env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
			PRIO_WORK="$work" "$work/tree/script/${0##*/}" "$@"
		exit $?
	fi
	if [ -n "${PRIO_WORK:-}" ]; then
		work=$PRIO_WORK
	else
		work=$(mktemp -d /tmp/prio.XXXXXX)
	fi
	clusters=()
	trap clean_up EXIT
	cd "$root" || exit
}

clean_up() {
	local name
	for name in "${clusters[@]}"; do
		"$bindir/pg_ctl" -D "$work/$name/data" -m immediate -s stop || true
	done
	[ -n "${PRIO_WORK:-}" ] || rm -rf "$work"
}

# Builds the extension and installs it below $work, out of reach of any other cluster.
# shellcheck disable=SC2120 # most callers have no arguments for make
build() {
	export PRIO_DESTDIR=$work/install
	make -s -j"$(nproc)" "$@" >"$work/build.log" 2>&1 || { cat "$work/build.log"; die "build failed"; }
	make -s install DESTDIR="$PRIO_DESTDIR" >"$work/build.log" 2>&1 || { cat "$work/build.log"; die "install failed"; }
}

# Starts a throwaway cluster that listens on nothing but a socket in $work/NAME, with
# settings from the remaining arguments (name=value). $server_program, if set, runs in place
# of the server.
start_cluster() {
	local name=$1 setting
	shift
	mkdir -p "$work/$name"
	"$bindir/initdb" -D "$work/$name/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$work/$name/initdb.log" ||
		die "initdb failed"
	{
		say "listen_addresses = ''"
		say "unix_socket_directories = '$work/$name'"
		say "fsync = off"
		say "extension_destdir = '$PRIO_DESTDIR'"
		for setting in "$@"; do say "$setting"; done
	} >>"$work/$name/data/postgresql.conf"
	"$bindir/pg_ctl" -D "$work/$name/data" -l "$work/$name/log" -w -s ${server_program:+-p "$server_program"} start || {
		cat "$work/$name/log"
		die "cluster $name did not start"
	}
	clusters+=("$name")
}
