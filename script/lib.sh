# shellcheck shell=bash disable=SC2154
# What the scripts share. Sourced with $root, the root of the source tree, set.

# One line for each argument.
say() { printf '%s\n' "$@"; }
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

# Do sanitizers stop this program, made of test/unit/canary.c, each time they must?
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

# The beginning of a command that runs another one as if it had been started by hand: no signal
# is ignored, and nothing in the environment points to a server or speaks another language.
plainly=(env --default-signal LC_ALL=C.UTF-8)
for variable in "${!PG@}"; do
	[[ $variable == PG_* ]] || plainly=(env -u "$variable" "${plainly[@]}")
done

# The folder for throwaway files: in memory, if that has room for all that tests leave.
fast_tmp() {
	local kilobytes
	kilobytes=$({ df --output=avail /dev/shm | sed 1d; sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo; } 2>/dev/null | sort -n | head -n 1)
	if [ "${kilobytes:-0}" -gt 8000000 ] && [[ ,$(findmnt -n -o OPTIONS --target /dev/shm), != *,noexec,* ]]; then
		say /dev/shm
	else
		say /tmp
	fi
}

# PostgreSQL refuses to run as root. So root hands a copy of the tree to an unprivileged
# user and starts the calling script again there: `unprivileged "$@"`. Sets $work, a
# directory of our own that is removed at the end, in any case. However the script was
# started, no signal is ignored, and there is nothing to read.
unprivileged() {
	local script
	script=$(realpath --relative-to="$root" "$0")
	if [ "$(id -u)" -eq 0 ]; then
		work=$(mktemp -d "${PRIO_TMP:-/tmp}/prio.XXXXXX")
		trap 'rm -rf "$work"' EXIT
		mkdir "$work/tree"
		tar -C "$root" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' -cf - . |
			tar -C "$work/tree" -xf -
		chown -R postgres: "$work"
		HOME=$work runuser -u postgres -- "${plainly[@]}" \
			PRIO_WORK="$work" PRIO_STARTED=plainly "$work/tree/$script" "$@" </dev/null
		exit $?
	fi
	if [ -z "${PRIO_STARTED:-}" ]; then
		exec "${plainly[@]}" PRIO_STARTED=plainly "$root/$script" "$@" </dev/null
	fi
	if [ -n "${PRIO_WORK:-}" ]; then
		work=$PRIO_WORK
	else
		work=$(mktemp -d "${PRIO_TMP:-/tmp}/prio.XXXXXX")
	fi
	clusters=()
	trap clean_up EXIT
	umask 022
	cd "$root" || exit
}

stop_clusters() {
	local name
	for name in "${clusters[@]}"; do
		"$bindir/pg_ctl" -D "$work/$name/data" -m immediate -s stop || true
	done
}

clean_up() {
	stop_clusters
	[ -n "${PRIO_WORK:-}" ] || rm -rf "$work"
}

# Builds the extension and installs it below $work, out of reach of any other cluster. Whoever
# was started by a script that has done so uses that one's: others run on it.
# shellcheck disable=SC2120 # most callers have no arguments for make
build() {
	[ -z "${PRIO_DESTDIR:-}" ] || return 0
	export PRIO_DESTDIR=$work/install
	make -s -j"$(nproc)" "$@" >"$work/build.log" 2>&1 || { cat "$work/build.log"; die "build failed"; }
	make -s install DESTDIR="$PRIO_DESTDIR" >"$work/build.log" 2>&1 || { cat "$work/build.log"; die "install failed"; }
}

# Makes a directory with the data of a cluster that was never started, once, of which clusters
# are copies. Tests find it in PRIO_TEMPLATE.
make_template() {
	[ -z "${PRIO_TEMPLATE:-}" ] || return 0
	"$bindir/initdb" -D "$work/template" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$work/initdb.log" ||
		die "initdb failed"
	export PRIO_TEMPLATE=$work/template
}

# Starts a throwaway cluster that listens on nothing but a socket in $work/NAME, with
# settings from the remaining arguments (name=value). $server_program, if set, runs in place
# of the server.
start_cluster() {
	local name=$1 setting
	shift
	mkdir -p "$work/$name"
	make_template
	cp -a "$PRIO_TEMPLATE" "$work/$name/data"
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

# ---------------------------------------------------------------- two servers

# Starts two clusters, NAME_a and NAME_b, with settings from the remaining arguments, and makes
# three databases with the extension, which psql finds as the services server_a, server_b and
# client: a server in each, and one for everybody outside in the first.
start_servers() {
	local name=$1 server
	shift
	export PGSERVICEFILE=$work/$name.services
	: >"$PGSERVICEFILE"
	for server in a b; do
		# The servers find each other by these services as well.
		start_cluster "${name}_$server" "$@"
		new_database "${name}_$server" "server_$server"
	done
	new_database "${name}_a" client
}

new_database() {
	local cluster=$1 database=$2
	say "[$database]" "host=$work/$cluster" "user=postgres" "dbname=$database" >>"$PGSERVICEFILE"
	psql -X -q -h "$work/$cluster" -U postgres -d postgres -c "CREATE DATABASE $database"
	on "$database" -c 'CREATE EXTENSION prio'
}

# on SERVICE ARGUMENT...: psql there, which stops at the first error.
on() {
	local service=$1
	shift
	psql -X -q -v ON_ERROR_STOP=1 -d "service=$service" "$@"
}

# value SERVICE QUERY: what a query gives, without any ornament.
value() { on "$1" -A -t -c "$2"; }

# Keys of both servers, and their secret, made in the database of each.
make_keys() {
	local pair="SELECT encode(private_key, 'hex'), encode(public_key, 'hex') FROM prio_keygen()"
	IFS='|' read -r private_a public_a < <(value server_a "$pair")
	IFS='|' read -r private_b public_b < <(value server_b "$pair")
	secret=$(value server_a "SELECT encode(prio_shared_secret(), 'hex')")
}

# create_servers NAME [PRG]: makes the foreign server NAME on both sides, with those keys.
create_servers() {
	local server="CREATE SERVER $1 FOREIGN DATA WRAPPER prio
			OPTIONS (role :'role', public_key :'public_key', prg '${2:-batch}');
		CREATE USER MAPPING FOR PUBLIC SERVER $1
			OPTIONS (private_key :'private_key', shared_secret :'secret')"
	# Not as arguments, which everybody on the machine may see.
	on server_a -v role=A -v public_key="$public_a" <<<"\\set private_key '$private_a'
		\\set secret '$secret'
		$server"
	on server_b -v role=B -v public_key="$public_b" <<<"\\set private_key '$private_b'
		\\set secret '$secret'
		$server"
}
