#!/usr/bin/env bash
# One process under a limit of memory, and a cluster on loopback: what they take, that they agree, and that an executor may die.
# Everything is built, made and run here, in a directory that is gone afterwards.
#
#   ROWS           sizes for one process           (1000000 10000000 100000000)
#   CLUSTER_ROWS   the size for the cluster        (10000000)
#   MEMORY         the limit of the process        (2GiB)
#   REPLICATES     resamples of the prompts        (20)
#   PORT           the first of eight ports        (51050)
set -euo pipefail
cd "$(dirname "$0")"
ROWS="${ROWS:-1000000 10000000 100000000}"
CLUSTER_ROWS="${CLUSTER_ROWS:-10000000}"
MEMORY="${MEMORY:-2GiB}"
REPLICATES="${REPLICATES:-20}"
PORT="${PORT:-51050}"
TARGET="${CARGO_TARGET_DIR:-$PWD/target}"

say() { printf '\n== %s\n' "$*"; }

say "building the command, and Ballista's own programs from the same lock file"
cargo build --quiet --release --locked --bin prefactor-distributed -p prefactor-distributed \
  -p ballista-scheduler --bin ballista-scheduler -p ballista-executor --bin ballista-executor
BIN="$TARGET/release"

WORK="$(mktemp -d "${TMPDIR:-/tmp}/prefactor-cluster.XXXXXX")"
declare -A RUNNING=()
finish() {
  for pid in "${RUNNING[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT

ANALYSIS=(--one-judgement-a-pair --prompt-number prompt_number --replicates "$REPLICATES")
analyze() { "$BIN/prefactor-distributed" analyze "${ANALYSIS[@]}" "$@"; }
generate() { "$BIN/prefactor-distributed" generate --rows "$1" --factors 14 --out "$WORK/$1" 2>/dev/null; }
# A number of a report.
number() { grep -m1 "^  \"$2\":" "$1" | tr -dc '0-9.'; }
# Whoever fails here says so in its own words.
show_failure() { cat "$1" >&2; exit 1; }

say "one process, at most $MEMORY"
for rows in $ROWS; do
  generate "$rows"
  mkdir -p "$WORK/spill"
  /usr/bin/env time -v -o "$WORK/time" true 2>/dev/null && timer=(/usr/bin/env time -v -o "$WORK/time") || timer=()
  "${timer[@]}" "$BIN/prefactor-distributed" analyze "${ANALYSIS[@]}" --data "$WORK/$rows" --memory "$MEMORY" \
    --spill "$WORK/spill" --out "$WORK/process-$rows.json" 2>"$WORK/log" || show_failure "$WORK/log"
  spilled="$(grep -o '[0-9]* MiB spilled' "$WORK/log" | sort -n | tail -1 || true)"
  awk -v n="$rows" -v s="$(number "$WORK/process-$rows.json" seconds)" \
    -v b="$(number "$WORK/process-$rows.json" peak_memory_bytes)" -v spilled="$spilled" 'BEGIN {
      printf "%d pairs: %.1f s, %.2f µs a pair, peak %.0f MiB", n, s, s / n * 1e6, b / 1048576
      if (spilled != "") printf ", up to %s at a glance", spilled
      print "" }'
  if [ ${#timer[@]} -gt 0 ]; then sed -n 's/^\t\(Maximum resident.*\)/  time -v: \1/p' "$WORK/time"; fi
  grep -E '^[A-Za-z0-9 ]+: [0-9.]+ s$' "$WORK/log" | sed 's/^/  /'
  [ "$rows" = "$CLUSTER_ROWS" ] || rm -r "${WORK:?}/$rows"
done
if [ ! -f "$WORK/process-$CLUSTER_ROWS.json" ]; then
  generate "$CLUSTER_ROWS"
  analyze --data "$WORK/$CLUSTER_ROWS" --memory "$MEMORY" --out "$WORK/process-$CLUSTER_ROWS.json" 2>"$WORK/log" ||
    show_failure "$WORK/log"
fi

# Ballista's own programs with their own settings, but for ports, and heartbeats that fit a short run.
scheduler() {
  "$BIN/ballista-scheduler" --bind-host 127.0.0.1 --external-host 127.0.0.1 --bind-port "$PORT" \
    --executor-timeout-seconds 15 --expire-dead-executor-interval-seconds 5 >"$WORK/scheduler.log" 2>&1 &
  RUNNING[scheduler]=$!
  answers "$PORT"
}
executor() { # number, what runs it
  local number="$1"
  shift
  local first=$((PORT + 3 * number))
  mkdir -p "$WORK/executor-$number"
  "$@" "$BIN/ballista-executor" --scheduler-host 127.0.0.1 --scheduler-port "$PORT" --bind-host 127.0.0.1 \
    --external-host 127.0.0.1 -p "$first" --bind-grpc-port $((first + 1)) --bind-health-port $((first + 2)) \
    --vcores 1 --executor-heartbeat-interval-seconds 2 --work-dir "$WORK/executor-$number" \
    >"$WORK/executor-$number.log" 2>&1 &
  RUNNING[executor-$number]=$!
  answers $((first + 1))
}
answers() {
  for _ in $(seq 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  tail -n 5 "$WORK"/*.log >&2
  echo "nothing answers on port $1" >&2
  exit 1
}
stop() { # name, signal
  kill "-$2" "${RUNNING[$1]}"
  wait "${RUNNING[$1]}" 2>/dev/null || true
  unset "RUNNING[$1]"
}
CLUSTER=(--cluster "df://127.0.0.1:$PORT" --data "$WORK/$CLUSTER_ROWS")
# An analysis that must fail: what it says last.
refused() {
  if analyze "$@" >/dev/null 2>"$WORK/log"; then
    echo "this should have failed" >&2
    exit 1
  fi
  tail -n 1 "$WORK/log"
}
compare() { "$BIN/prefactor-distributed" compare "$WORK/process-$CLUSTER_ROWS.json" "$1"; }

say "a cluster: one scheduler, two executors, $CLUSTER_ROWS pairs"
scheduler
executor 1
executor 2
analyze "${CLUSTER[@]}" --out "$WORK/cluster.json" 2>"$WORK/log" || show_failure "$WORK/log"
echo "$(number "$WORK/cluster.json" seconds) s; one process took $(number "$WORK/process-$CLUSTER_ROWS.json" seconds) s"
grep -E '^[A-Za-z0-9 ]+: [0-9.]+ s$' "$WORK/log" | sed 's/^/  /'
for number in 1 2; do
  echo "executor $number wrote $(find "$WORK/executor-$number" -type f | wc -l) shuffle files, peak $(
    awk '/VmHWM/ { printf "%.0f MiB", $2 / 1024 }' "/proc/${RUNNING[executor-$number]}/status")"
done
compare "$WORK/cluster.json"

say "the same, with one executor killed in the middle"
analyze "${CLUSTER[@]}" --out "$WORK/killed.json" 2>"$WORK/log" &
client=$!
until grep -q '^Newton step 1:' "$WORK/log"; do
  kill -0 "$client" 2>/dev/null || show_failure "$WORK/log"
  sleep 0.05
done
sleep 0.3
echo "SIGKILL to executor 2, after: $(grep -E '^[A-Za-z0-9 ]+: [0-9.]+ s$' "$WORK/log" | tail -1)"
stop executor-2 KILL
wait "$client" || show_failure "$WORK/log"
echo "$(number "$WORK/killed.json" seconds) s; executors that run: 1"
grep -E 'asking again|so far' "$WORK/log" | sed 's/^/  /' || true
compare "$WORK/killed.json"

if unshare --mount true 2>/dev/null; then
  say "an executor that does not see the files"
  stop executor-1 KILL
  stop scheduler KILL
  scheduler
  executor 1 unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$WORK/$CLUSTER_ROWS"
  refused "${CLUSTER[@]}" --attempts 1
fi

say "no executor left"
stop executor-1 KILL
refused "${CLUSTER[@]}" --attempts 1

say "no scheduler"
stop scheduler KILL
refused "${CLUSTER[@]}"
