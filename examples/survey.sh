# shellcheck shell=bash disable=SC2154
# What pipeline, typed, async and pubsub have in common: the clients of survey.sql, what
# became of them, and how to wait. Sourced behind lib.sh.
make -s build/unit/cheat >"$work/build.log" 2>&1 || { cat "$work/build.log"; die "build failed"; }

# take_survey BATCH HONEST: that many honest clients, and five others, encode their data.
take_survey() {
	local liar_a liar_b
	{ read -r liar_a; read -r liar_b; } < <(build/unit/cheat "$public_a" "$public_b" "$1" 1000 0 0 0 0 0 0 0)
	PGOPTIONS='-c client_min_messages=warning' on client -v batch="$1" -v honest="$2" -v public_a="$public_a" \
		-v public_b="$public_b" -v liar_a="$liar_a" -v liar_b="$liar_b" -f examples/survey.sql
}

# shares a|b BATCH [CONDITION]: what clients send to a server, lines of id and share.
shares() {
	on client -c "COPY (SELECT id, share_$1 FROM client WHERE batch = '$2' AND share_$1 IS NOT NULL AND ${3:-true}
		ORDER BY number) TO STDOUT"
}

# fates BATCH QUERY: the verdicts of both servers on everybody who is not honest. QUERY gives id
# and verdict of the shares that a server took.
fates() {
	local server wrong
	for server in a b; do
		on "server_$server" -c "COPY (SELECT '$server', q.* FROM ($2) AS q) TO STDOUT" | on client -c 'COPY verdict FROM STDIN'
	done
	on client -P footer=off -c "SELECT kind AS client, server_a, server_b FROM fate
		WHERE batch = '$1' AND kind <> 'honest' ORDER BY number" | sed 's/ *$//'
	wrong=$(value client "SELECT count(*) FROM fate WHERE batch = '$1'
		AND ((kind = 'honest') <> (server_a = 'valid') OR (kind = 'honest') <> (server_b = 'valid'))")
	[ "$wrong" -eq 0 ] || die "$wrong clients got the wrong verdict"
}

# compare BATCH COUNTS: what was published next to the truth, which the clients know.
compare() {
	local right
	on client -P footer=off -c "INSERT INTO published VALUES ('$1', '$2')" \
		-c "SELECT feature, published, truth FROM comparison WHERE batch = '$1' ORDER BY position" | sed 's/ *$//'
	right=$(value client "SELECT count(*) FROM comparison WHERE batch = '$1' AND published = truth")
	[ "$right" -eq 8 ] || die "$right of 8 published counts are the truth"
}

# same ARGUMENT...: what psql prints, on both servers alike.
same() {
	local a b
	a=$(on server_a -A -t "$@")
	b=$(on server_b -A -t "$@")
	[ "$a" = "$b" ] || die "server A says $a, and server B $b: $*"
	say "$a"
}

# wait_for SERVICE QUERY VALUE: until a query gives that, for two minutes at most.
wait_for() {
	local now deadline=$((SECONDS + 120))
	until now=$(value "$1" "$2") && [ "$now" = "$3" ]; do
		[ "$SECONDS" -lt "$deadline" ] || die "still $now, and not $3, on $1: $2"
		sleep 0.1
	done
}
