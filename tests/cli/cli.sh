#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cli.sh BUILD: the millrace command as a user meets it, against a millrace-host that is started here.
# TAP on stdout; what went wrong in a failed test is below it as comments.
set -u

build=$1
millrace=$build/tools/millrace
demo=$build/tools/millrace-demo
dir=$(mktemp -d /tmp/millrace-cli.XXXXXX)
export MILLRACE_RUN_DIR=$dir/run MILLRACE_DRIVER_PATH=$build/drivers/sample
export LD_LIBRARY_PATH=$build/host${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
host=
number=0
failures=0

# shellcheck disable=SC2317 # the trap calls it
end() {
	stop_host
	rm -rf "$dir"
}
trap end EXIT

# wait_for COMMAND...: until it succeeds; false when it did not for 20 seconds
wait_for() {
	local i
	for ((i = 0; i < 400; i++)); do
		"$@" && return
		read -r -t 0.05 -u 9 || true
	done
	false
}

# A socket that a killed host left is not enough.
served() { "$millrace" info sample0 >/dev/null 2>&1; }

start_host() { # [OPTION...]
	mkdir -p "$MILLRACE_RUN_DIR"
	"$build/host/millrace-host" --quiet "$@" sample 2>"$dir/host.log" &
	host=$!
	wait_for served ||
		{ echo "Bail out! millrace-host does not start"; exit 1; }
}

stop_host() {
	[[ $host ]] || return 0
	kill "$host" 2>/dev/null
	wait "$host" 2>/dev/null
	host=
}

# check WHAT COMMAND...: one test; it passes when the command succeeds
check() {
	local what=$1
	shift
	number=$((number + 1))
	if "$@" >"$dir/check" 2>&1; then
		echo "ok $number - $what"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $number - $what"
	{ cat "$dir/check"; echo "stdout:"; cat "$dir/out"; echo "stderr:"; cat "$dir/err"; } |
		head -n 40 | sed 's/^/# /'
}

# run COMMAND...: with its output in $dir/out and $dir/err, its exit status in $status
run() {
	timeout 60 "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

exits() { [[ $status == "$1" ]]; }
out_has() { grep -qE -- "$1" "$dir/out"; }
err_has() { grep -qE -- "$1" "$dir/err"; }
one_line_of_error() { [[ $(wc -l <"$dir/err") == 1 ]] && grep -q '^millrace: ' "$dir/err"; }
is_json() { python3 -m json.tool <"$dir/out" >/dev/null; }
# json EXPRESSION: of the output as `d`
json() { python3 -c "import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not ($1))" "$dir/out"; }

# fails WHAT STATUS PATTERN COMMAND...: a command that ends with that status and one line of advice
fails() {
	local what=$1 code=$2 pattern=$3
	shift 3
	run "$@"
	check "$what: exit code $code" exits "$code"
	check "$what: says why" err_has "$pattern"
	check "$what: on one line of stderr" one_line_of_error
	check "$what: nothing on stdout" test ! -s "$dir/out"
}

# misuse WHAT COMMAND...: exit code 2, nothing on stdout
misuse() {
	local what=$1
	shift
	run "$@"
	check "$what: exit code 2" exits 2
	check "$what: nothing on stdout" test ! -s "$dir/out"
	check "$what: something on stderr" test -s "$dir/err"
}

# crc WHAT WANTED ARG...: of a file, without --json and with it
crc() {
	local what=$1 wanted=$2
	shift 2
	run "$millrace" crc "$@"
	check "$what: exit code 0" exits 0
	check "$what: $wanted" out_has "^$wanted  "
	run "$millrace" crc --json --verify "$@"
	check "$what: JSON, verified" json "d['crc32c'] == d['reference'] == '$wanted'"
}

test_help() {
	local command
	run "$millrace" --version
	check "--version" out_has '^millrace [0-9]+\.'
	run "$millrace" --help
	check "--help: exit code 0" exits 0
	check "--help tells the exit codes" out_has 'Exit codes'
	for command in list info crc bench stats; do
		run "$millrace" "$command" --help
		check "$command --help: exit code 0" exits 0
		check "$command --help: its own usage" out_has "Usage: millrace $command"
		check "$command --help tells the exit codes" out_has 'Exit codes'
		misuse "$command with an unknown option" "$millrace" "$command" --no-such-option
	done
	misuse "no command" "$millrace"
	misuse "unknown command" "$millrace" brew
	misuse "info without a device" "$millrace" info
	misuse "info with two" "$millrace" info a b
	misuse "crc without a file" "$millrace" crc
	misuse "bench without a device" "$millrace" bench
	misuse "crc --block 0" "$millrace" crc --block 0 "$dir/nine"
	misuse "crc --block that is no number" "$millrace" crc --block 4x "$dir/nine"
	misuse "crc --group too large" "$millrace" crc --group 70000 "$dir/nine"
	misuse "bench --seconds that is no number" "$millrace" bench --seconds abc sample0
	misuse "stats --watch=0" "$millrace" stats --watch=0
}

test_no_device() {
	fails "crc without a host" 3 'sample0: no such device .*millrace-host' "$millrace" crc "$dir/nine"
	fails "info of no device" 3 'nothing0: no such device' "$millrace" info nothing0
	fails "bench of no device" 3 'no such device' "$millrace" bench nothing0
	fails "stats of no device" 3 'no such device' "$millrace" stats nothing0
	fails "stats of all, none there" 3 'no device' "$millrace" stats
	fails "local: without such a driver" 3 'no such device' "$millrace" info local:nothing
	fails "a socket that is not there" 3 'no such device' "$millrace" info unix:/nonexistent
	fails "a device that is no Millrace device" 3 'not a Millrace device' "$millrace" info /dev/null
	run "$millrace" list
	check "list of nothing: exit code 0" exits 0
	check "list of nothing says how to start one" err_has 'millrace-host'
	run "$millrace" list --json
	check "list --json of nothing" json 'd == []'
}

test_list() {
	run "$millrace" list
	check "list shows the device" out_has '^sample0 +process +sample +0'
	run "$millrace" list --json
	check "list --json" json \
		"d[0]['name'] == 'sample0' and d[0]['home'] == 'process' and d[0]['error'] is None"
	: >"$MILLRACE_RUN_DIR/broken0.sock"
	run "$millrace" list
	check "list with a dead socket: exit code 0" exits 0
	check "list with a dead socket shows the reason" out_has '^broken0 .*cannot be opened: '
	check "list with a dead socket shows the other" out_has '^sample0 .*sample'
	run "$millrace" list --json
	check "list --json with a dead socket" json "sum(1 for x in d if x['error']) == 1"
	fails "info of a dead socket" 3 'broken0: ' "$millrace" info broken0
	rm "$MILLRACE_RUN_DIR/broken0.sock"
}

test_info() {
	run "$millrace" info sample0
	check "info: exit code 0" exits 0
	check "info shows the operations" out_has '^crc32c +2 +4 +1'
	run "$millrace" info sample0 --json
	check "info --json" json \
		"[o for o in d['operations'] if o['name'] == 'copy'][0]['params'] == 5 and d['max_group'] > 0"
	run "$millrace" info "unix:$MILLRACE_RUN_DIR/sample0.sock"
	check "info by the socket's path" exits 0
	run "$millrace" info local:sample --json
	check "info of a local device" json "d['home'] == 'local'"
}

test_crc() {
	local block group
	crc "nine digits" e3069283 "$dir/nine"
	crc "nine digits, local" e3069283 --device local:sample "$dir/nine"
	crc "empty" 00000000 "$dir/empty"
	run "$millrace" crc "$dir/empty"
	check "empty: says so" out_has 'empty, 0 bytes'
	for block in 1 2 3 7 9 10; do
		crc "nine digits in blocks of $block" e3069283 --block "$block" --depth 2 "$dir/nine"
	done
	for group in 1 2 5; do
		crc "nine digits in groups of $group" e3069283 --block 1 --group "$group" --depth 1 \
			"$dir/nine"
	done
	for block in 1000 4095 4096 4097 64k 1M; do
		run "$millrace" crc --verify --json --block "$block" "$dir/random"
		check "random bytes in blocks of $block" json \
			"d['crc32c'] == d['reference'] and d['bytes'] == 20000001"
		check "random bytes in blocks of $block: commands" json \
			"d['commands'] == -(-d['bytes'] // d['block'])"
	done
	run "$millrace" crc --verify "$dir/random"
	check "--verify says that isa-l agrees" out_has 'isa-l agrees'
}

test_crc_input() {
	run bash -c "printf 123456789 | '$millrace' crc -"
	check "standard input" out_has '^e3069283  -'
	run bash -c "(printf 1234; read -t 0.1 -u 9; printf 56789) | '$millrace' crc --block 3 -"
	check "standard input in pieces" out_has '^e3069283  -'
	run "$millrace" crc /proc/self/comm
	check "a file that says that its size is 0" out_has 'comm: 9 bytes'
	fails "a file that does not exist" 1 'No such file' "$millrace" crc "$dir/nonexistent"
	fails "a folder" 1 'Is a directory' "$millrace" crc "$dir"
	fails "a closed standard input" 1 'Bad file' bash -c "'$millrace' crc - <&-"
	fails "a group longer than allowed" 2 'takes up to' "$millrace" crc --group 65535 "$dir/nine"
	fails "more on their way than allowed" 2 'on their way' \
		"$millrace" crc --group 256 --depth 4096 "$dir/nine"
	fails "a buffer larger than allowed" 2 'buffer' \
		"$millrace" crc --block 1G --group 1 --depth 1 "$dir/nine"
}

# As a user who may not; needs another user to become.
test_permission() {
	local what="permission denied"
	if ((EUID)) || ! command -v setpriv >/dev/null; then
		number=$((number + 1))
		echo "ok $number - $what # SKIP needs root to become somebody else"
		return
	fi
	# A copy, for the other user may not be allowed to look into the build folder.
	cp -L "$millrace" "$build"/lib/libmillrace.so.0 "$dir" && chmod 755 "$dir" "$MILLRACE_RUN_DIR"
	chmod 600 "$dir/nine"
	fails "$what by a device" 4 'sample0: permission denied' setpriv --reuid 65534 --clear-groups \
		env LD_LIBRARY_PATH="$dir" "$dir/millrace" info sample0
	fails "$what by a file" 4 'Permission denied' setpriv --reuid 65534 --clear-groups \
		env LD_LIBRARY_PATH="$dir" "$dir/millrace" crc "$dir/nine"
	run setpriv --reuid 65534 --clear-groups env LD_LIBRARY_PATH="$dir" "$dir/millrace" list
	check "$what: list says so" out_has '^sample0 .*cannot be opened: permission denied'
}

# The socket's mode, by what --mode says: and what it said at the start counts, whatever is done to the
# file later.
test_mode() {
	local what="--mode"
	if ((EUID)) || ! command -v setpriv >/dev/null; then
		number=$((number + 1))
		echo "ok $number - $what # SKIP needs root to become somebody else"
		return
	fi
	local other=(setpriv --reuid 65534 --regid 65534)
	local millrace_copy=(env LD_LIBRARY_PATH="$dir" "$dir/millrace")
	chmod 644 "$dir/nine"
	chmod 666 "$MILLRACE_RUN_DIR/sample0.sock"
	fails "a socket whose mode was changed later" 4 'sample0: permission denied' \
		"${other[@]}" --clear-groups "${millrace_copy[@]}" info sample0
	stop_host
	start_host --mode 0666
	run "${other[@]}" --clear-groups "${millrace_copy[@]}" crc "$dir/nine"
	check "$what 0666 lets others in" out_has '^e3069283 '
	run "${other[@]}" --clear-groups "${millrace_copy[@]}" stats --json
	check "$what 0666: others read the statistics" json "d == []"
	"$millrace" crc --block 1 --group 2 --depth 1 - <"$dir/never" >/dev/null &
	local pid=$!
	wait_for session_shown
	run "${other[@]}" --clear-groups "${millrace_copy[@]}" stats --json
	check "$what 0666: and see who is there" json "d[0]['pid'] == $pid and d[0]['uid'] == 0"
	check "all that is counted is there" json "all(type(d[0][key]) is int for key in ('commands', 'groups',
		'kicks', 'wakeups', 'spins', 'waits', 'errors', 'depth', 'in_flight', 'cq_depth'))"
	kill "$pid"
	wait "$pid" 2>/dev/null
	stop_host
	start_host --mode 0660
	run "${other[@]}" "--groups=$(id -g)" "${millrace_copy[@]}" info sample0
	check "$what 0660 lets the group in" exits 0
	fails "$what 0660 and another group" 4 'permission denied' \
		"${other[@]}" --groups=65533 "${millrace_copy[@]}" info sample0
	stop_host
	start_host
}

# Where a name is looked for when $MILLRACE_RUN_DIR does not say.
test_run_dir() {
	local socket=$MILLRACE_RUN_DIR/sample0.sock
	run env -u MILLRACE_RUN_DIR XDG_RUNTIME_DIR="$dir/xdg" "$millrace" info sample0
	check "not in \$XDG_RUNTIME_DIR/millrace yet" exits 3
	mkdir -p "$dir/xdg/millrace" && ln -s "$socket" "$dir/xdg/millrace/sample0.sock"
	run env -u MILLRACE_RUN_DIR XDG_RUNTIME_DIR="$dir/xdg" "$millrace" info sample0
	check "found in \$XDG_RUNTIME_DIR/millrace" exits 0
	run env -u MILLRACE_RUN_DIR XDG_RUNTIME_DIR="$dir/xdg" "$millrace" list
	check "listed from there" out_has '^sample0 +process '
}

test_bench() {
	run "$millrace" bench --seconds 0.2 sample0
	check "bench: exit code 0" exits 0
	check "bench shows batches" out_has '^batches of 64 '
	check "bench: no progress when stderr is no terminal" test ! -s "$dir/err"
	run "$millrace" bench --seconds 0.2 --json sample0
	check "bench --json" json \
		"[b['batch'] for b in d['batches']] == [1, 16, 64] and d['round_trip_ns']['count'] > 0"
	check "bench --json: percentiles in order" json \
		"(lambda r: r['p50'] <= r['p99'] <= r['p99.9'] <= r['max'])(d['round_trip_ns'])"
}

# A client of ours has all that it asks for at its start: its session, then its buffer.
session_shown() { "$millrace" stats --json | grep -q '"comm":"millrace".*"buffers":1'; }
two_lines() { [[ $(wc -l <"$dir/watch") -ge 2 ]]; }

test_stats() {
	local user pid watch
	run "$millrace" stats
	check "stats without sessions: exit code 0" exits 0
	check "stats without sessions says so" out_has 'no session'
	# A client that waits for its input for as long as we like.
	mkfifo "$dir/fifo"
	"$millrace" crc --block 1 --group 2 --depth 1 - <"$dir/fifo" >"$dir/crc" &
	pid=$!
	exec 4>"$dir/fifo"
	printf 1234 >&4
	wait_for session_shown
	user=$(id -un)
	run "$millrace" stats sample0
	check "stats shows the session" out_has "^sample0 +[0-9]+ +$pid $user +millrace "
	run "$millrace" stats --json
	check "stats --json" json \
		"d[0]['pid'] == $pid and d[0]['user'] == '$user' and d[0]['buffers'] == 1"
	: >"$dir/watch"
	"$millrace" stats --watch=0.05 --json >"$dir/watch" 4>&- &
	watch=$!
	wait_for two_lines
	kill -TERM "$watch"
	wait "$watch"
	check "stats --watch ends on a signal with 0" test $? = 0
	tail -n 1 "$dir/watch" >"$dir/out"
	check "stats --watch --json: rates on each line" json "'commands' in d[0]['per_second']"
	printf 56789 >&4
	exec 4>&-
	wait "$pid"
	check "the client ended well" test $? = 0
	check "and was right" grep -q '^e3069283' "$dir/crc"
}

test_output() {
	run bash -c "'$millrace' info sample0 >/dev/full"
	check "a full disk: exit code 1" exits 1
	check "a full disk: says so" err_has 'cannot write'
	run bash -c "set -o pipefail; '$millrace' stats --watch=0.01 --json sample0 | head -n 1 >/dev/null"
	check "a closed pipe ends it" exits 141
}

gone() { grep -q 'gone\|ended' "$dir/gone.err"; }

test_gone() {
	"$millrace" stats --watch=0.05 sample0 >/dev/null 2>"$dir/gone.err" &
	local pid=$!
	mkfifo "$dir/slow"
	"$millrace" crc --block 1 --group 1 --depth 1 - <"$dir/slow" >/dev/null 2>"$dir/slow.err" &
	local slow=$!
	exec 5>"$dir/slow"
	wait_for session_shown
	kill -KILL "$host"
	wait "$host" 2>/dev/null
	host=
	wait "$pid"
	check "the host is killed under stats --watch: exit code 3" test $? = 3
	check "the host is killed under stats --watch: says so" gone
	(printf 1 >&5) # in a shell of its own, for nobody may be there to read it
	wait "$slow"
	check "the host is killed under crc: exit code 3" test $? = 3
	exec 5>&-
	run "$millrace" info sample0
	check "a socket that a killed host left: exit code 3" exits 3
	start_host
	run "$millrace" info sample0
	check "a new host takes the name over" exits 0
}

test_demo() {
	run "$demo" --seconds 0.5 --rounds 1 --json "$dir/nine"
	check "demo --json of nine digits" json \
		"d['match'] and d['crc32c'] == 'e3069283' and len(d['clients']) == 4"
	check "demo --json: five transports" json "len(d['transports']) == 5"
	run "$demo" --seconds 0.5 --rounds 1 --clients 3 --block 1000 "$dir/random"
	check "demo: exit code 0" exits 0
	check "demo: ends with one clear line" out_has \
		'^demo: ok: random, 20.0 MB in 20001 blocks, CRC-32C 0x[0-9a-f]{8} matches isa-l$'
	fails "demo of an empty file" 1 'empty' "$demo" "$dir/empty"
	fails "demo without the file" 1 'No such file' "$demo" "$dir/nonexistent"
	fails "demo without the device" 3 'no such device' "$demo" --device nothing0 "$dir/nine"
}

mkdir -p "$MILLRACE_RUN_DIR"
mkfifo "$dir/never" && exec 9<>"$dir/never" # nothing ever comes: for waiting with a limit
printf 123456789 >"$dir/nine"
touch "$dir/empty" "$dir/out" "$dir/err"
head -c 20000001 /dev/urandom >"$dir/random"

test_help
test_no_device
start_host
test_list
test_info
test_crc
test_crc_input
test_permission
test_mode
test_run_dir
test_bench
test_stats
test_output
test_demo
test_gone
echo "1..$number"
((failures == 0))
