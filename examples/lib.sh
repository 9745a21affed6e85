# shellcheck shell=bash disable=SC2034,SC2154
# What the examples begin with: sourced by examples/NAME/run with its arguments. Installs what
# is missing, with the Debian packages in $packages, builds prio, and goes to the root of the tree
# as an unprivileged user; $example is the folder of the example, $name its name. Examples work in
# $work, a directory that is removed in the end.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/script/lib.sh"

name=$(basename "$(cd "$(dirname "$0")" && pwd)")
example=examples/$name
[ -n "${PRIO_WORK:-}" ] || "$root/script/setup" "${packages[@]}"
unprivileged "$@"
find_postgresql
build
