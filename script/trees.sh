# shellcheck shell=bash disable=SC2016,SC2154
# Fresh trees of Debian, for tests of what a fresh machine does. Sourced behind lib.sh, by scripts
# that root runs as `in_namespaces "$@"`.

# Starts the calling script again in namespaces and with a file system in memory, $work, which all end
# with it, whatever happens. What it takes of this machine is installed first.
in_namespaces() {
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "not root, and there is no sudo: nothing was tested"
		say "not root: going on with sudo"
		exec sudo "$0" "$@"
	fi
	if [ -z "${PRIO_TREES:-}" ]; then
		"$root/script/setup" mmdebstrap git
		work=$(mktemp -d "${TMPDIR:-/tmp}/prio.trees.XXXXXX")
		trap 'rmdir "$work"' EXIT
		PRIO_TREES=$work unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
		exit
	fi
	work=$PRIO_TREES
	mount -t tmpfs -o size=90%,mode=755 tmpfs "$work"
}

# fresh_tree SUITE TREE: makes the directory, with nothing in it but what every Debian has.
fresh_tree() {
	local suite=$1 tree=$2 mirror setting
	local -a settings=(--aptopt='Acquire::Languages "none"')
	mirror=$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian main //p' | head -n 1)
	[ -n "$mirror" ] || die "apt has no mirror of Debian: its package lists are missing"
	while read -r setting; do settings+=(--aptopt="$setting"); done < <(apt-config dump --no-empty | grep -E '^Acquire::(https?|Check-)')
	mmdebstrap --mode=root --variant=minbase --dpkgopt=force-unsafe-io "${settings[@]}" "$suite" "$tree" "$mirror"
	cp /etc/resolv.conf "$tree/etc/"
	# No service starts, and no cluster is made, just because a package is installed.
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 755 "$tree/usr/sbin/policy-rc.d"
	mkdir -p "$tree/etc/postgresql-common"
	say "create_main_cluster = false" >"$tree/etc/postgresql-common/createcluster.conf"
	in_tree "$tree" root apt-get update -q
}

# copy_of TREE COPY: the same tree once more; what changes there, changes in the copy alone.
copy_of() {
	mkdir -p "$2" "$2.changes" "$2.scratch"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$2.changes,workdir=$2.scratch" "$2"
}

# in_tree TREE USER COMMAND...: runs it there as that user, with a /proc, /dev and /dev/shm of its own.
in_tree() {
	local tree=$1 user=$2 variable
	local -a environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/tmp
		DEBIAN_FRONTEND=noninteractive)
	shift 2
	for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		[ -z "${!variable:-}" ] || environment+=("$variable=${!variable}")
	done
	unshare --mount --pid --fork --kill-child sh -euc '
		mount -t proc proc "$0/proc"
		mount --rbind /dev "$0/dev"
		mount -t tmpfs -o mode=1777 shm "$0/dev/shm"
		exec chroot "$0" env -i "$@"' "$tree" "${environment[@]}" \
		setpriv --reuid="$user" --regid="$user" --init-groups -- "$@" </dev/null
}

# install_in TREE PACKAGE...
install_in() {
	local tree=$1
	shift
	in_tree "$tree" root apt-get install -q -y --no-install-recommends "$@"
}
