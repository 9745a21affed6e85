# Draws the plots of docs/benchmarks.md.
# bench/report sets results and plots, both directories, the name of each step, and the sizes of batches.

set terminal svg size 860, 520 background "white" font "sans-serif,14" linewidth 1.5
set encoding utf8
set datafile separator "\t"
set grid linecolor "#dddddd"
set border 3
set tics nomirror
set key outside right center Left reverse noenhanced samplen 2 spacing 1.3

# Okabe and Ito: told apart by everybody. The floor is the black one.
colours = "#000000 #d55e00 #0072b2 #009e73 #cc79a7 #e69f00 #56b4e9 #999999 #7f3f00 #4b0092"
do for [i = 1:words(colours)] { set linetype i linecolor rgb word(colours, i) pointtype i pointsize 0.7 }
set linetype 1 linewidth 2.5 pointtype 7

micro(step, role) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\"' %s/micro.tsv", step, role, results)

set logscale xy
set format x "10^{%T}"
set format y "10^{%T}"
set xlabel "data fields n"
set xrange [6:400000]
set yrange [0.005:*]

set ylabel "CPU time of one packet, µs"
# Server A draws nothing from the generator: last, so that both plots share their colours.
steps = "floor open parse dot total verify1 verify2 is_valid load prg"
name(step) = value("name_" . step)
do for [role in "A B"] {
	set output sprintf("%s/cost_%s.svg", plots, role eq "A" ? "a" : "b")
	set title sprintf("What each step costs server %s", role)
	plot for [i = 1:words(steps) - (role eq "A")] micro(word(steps, i), role) using 3:5 \
		with linespoints title name(word(steps, i))
}

set yrange [*:*]
set output plots . "/encode.svg"
set title "What encoding costs a client, and preparing a batch a server"
set ylabel "CPU time, µs"
client = "encode packets tables context"
plot for [i = 1:words(client)] micro(word(client, i), "-") using 3:5 \
	with linespoints linetype i + 1 title name(word(client, i))

set output plots . "/packet_size.svg"
set title "Sealed packets"
set ylabel "bytes"
plot results . "/sizes.tsv" using 1:2 with linespoints linetype 2 title "share of A", \
	"" using 1:3 with linespoints linetype 3 title "share of B"

# From here on bars, in clusters.
unset logscale
set format "%.0f"
set xrange [*:*]
set yrange [0:*]
set datafile missing "-"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set grid noxtics
set xtics scale 0

# The nightly job: a cluster for every stage; a bar for every server and size of a batch, of which `sizes` has
# the numbers of shares and `size_names` what to call them. The more shares, the darker.
set output plots . "/processor.svg"
set title "What a share costs in the nightly job, n = 128"
unset xlabel
set ylabel "CPU time of a share, µs"
set key inside right top
tints_A = "#f5c77e #e69f00 #d55e00"
tints_B = "#a9d8f5 #56b4e9 #0072b2"
tint(role, i) = word(value("tints_" . role), 3 - (words(sizes) - i) % 3)
job(role, size) = sprintf("< awk -F'\\t' '$1 == 128 && $2 == \"%s\" && $3 == \"%s\" && $4 != \"plain\" && $4 != \"total\"' %s/processor.tsv", size, role, results)
plot for [role in "A B"] for [i = 1:words(sizes)] job(role, word(sizes, i)) using 6:xticlabels(4) \
	title sprintf("%s, %s shares", role, word(size_names, i)) linecolor rgb tint(role, i)

# Rows a second: a cluster for every server and n, a bar for every number of workers.
set key outside right center
set xlabel "server, data fields n"
set ylabel "rows a second"
workers(step) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $6 == 1 { one = $9 } $1 == \"%s\" && $6 == 2 { print $2 \", \" $3 \"\\t\" one \"\\t\" $9 }' %s/sql.tsv", step, step, results)
do for [step in "verifier total"] {
	set output sprintf("%s/workers_%s.svg", plots, step)
	set title sprintf("%s by one and two workers", step eq "verifier" ? "Shares opened" : "Shares added up")
	plot workers(step) using 2:xticlabels(1) title "1 worker" linecolor rgb "#56b4e9", \
		"" using 3 title "2 workers" linecolor rgb "#0072b2"
}
