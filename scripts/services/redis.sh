#!/usr/bin/env bash
# Real Redis servers for tests: alone, as nodes of a cluster, or watched by sentinels.
#
#   redis.sh install                        redis-server and redis-sentinel from apt, where they are missing (as root)
#   redis.sh start DIR PORT [option ...]    one server; options are its own (--requirepass x)
#   redis.sh sentinel DIR PORT MASTERPORT   one sentinel, which calls the master on MASTERPORT `mymaster`; two agree
#   redis.sh cluster PORT PORT PORT ...     makes a cluster of servers that were started with --cluster-enabled yes
#   redis.sh reshard FROMPORT TOPORT SLOTS  moves so many slots from one node of a cluster to another
#   redis.sh stop DIR                       waits until it is gone; keeps the data
#   redis.sh restart DIR                    the same data, port and options
#
# start, sentinel and restart return when clients can connect, and print the pid. Everything listens on 127.0.0.1 only.
# A node of a cluster also listens on its port + 10000.
set -euo pipefail
. "$(dirname "$0")/server.sh"

READY_SECONDS=20
STOP_SECONDS=20

main() {
  case ${1:-} in
    sentinel) [ $# -eq 4 ] || usage; shift; install; sentinel "$@" ;;
    cluster) [ $# -ge 4 ] || usage; shift; cluster "$@" ;;
    reshard) [ $# -eq 4 ] || usage; reshard "$2" "$3" "$4" ;;
    *) dispatch 3 "$@" ;;
  esac
}

install() {
  local missing=() pair
  for pair in redis-server:redis-server redis-sentinel:redis-sentinel redis-cli:redis-tools; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] || from_apt "${missing[@]}"
}

start() {
  local dir port=$2
  mkdir -p "$1"
  dir=$(absolute "$1")
  shift 2
  printf '%s\n' "$port" >"$dir/port"
  printf '%s\n' redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly no "$@" >"$dir/command"
  run "$dir"
}

sentinel() {
  local dir
  mkdir -p "$1"
  dir=$(absolute "$1")
  printf '%s\n' "$2" >"$dir/port"
  printf '%s\n' "port $2" 'bind 127.0.0.1' "dir $dir" "sentinel monitor mymaster 127.0.0.1 $3 2" \
    'sentinel down-after-milliseconds mymaster 1000' 'sentinel failover-timeout mymaster 5000' >"$dir/sentinel.conf"
  printf '%s\n' redis-sentinel "$dir/sentinel.conf" >"$dir/command"
  run "$dir"
}

cluster() {
  local port nodes=()
  for port in "$@"; do nodes+=("127.0.0.1:$port"); done
  redis-cli --cluster create "${nodes[@]}" --cluster-replicas 0 --cluster-yes >/dev/null || fail 'the cluster could not be made'
  for port in "$@"; do
    for ((i = 0; i < READY_SECONDS * 20; i++)); do
      ! redis-cli -p "$port" cluster info | grep -q cluster_state:ok || continue 2
      sleep 0.05
    done
    fail "node $port was not ready within $READY_SECONDS s"
  done
}

reshard() {
  redis-cli --cluster reshard "127.0.0.1:$1" --cluster-from "$(redis-cli -p "$1" cluster myid)" \
    --cluster-to "$(redis-cli -p "$2" cluster myid)" --cluster-slots "$3" --cluster-yes >/dev/null || fail 'the slots could not be moved'
}

run() {
  local dir=$1 pid port words
  [ -f "$dir/command" ] || fail "$dir holds no server: start it first"
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || fail "the server in $dir runs already (pid $pid)"
  port=$(cat "$dir/port")
  mapfile -t words <"$dir/command"
  # Its own session: a Ctrl-C for the tests must not end it before them.
  (cd "$dir"; exec setsid nohup "${words[@]}" >>log 2>&1 </dev/null) &
  pid=$!
  echo "$pid" >"$dir/pid"
  for ((i = 0; i < READY_SECONDS * 20; i++)); do
    ! answers "$port" || { echo "$pid"; return; }
    alive "$pid" || break
    sleep 0.05
  done
  tail -n 30 "$dir/log" >&2 || true
  stop "$dir"
  fail "the server in $dir did not start within $READY_SECONDS s, or ended"
}

# One with TLS only answers no plain ping: an open port must do.
answers() {
  { redis-cli -p "$1" ping 2>&1 || true; } | grep -qE 'PONG|NOAUTH|I/O error|reset by peer'
}

# The pid of the server of DIR, or nothing; a number that the kernel gave to somebody else meanwhile is not it.
pid_of() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  if alive "$pid" && [ "$(readlink "/proc/$pid/cwd")" = "$1" ]; then echo "$pid"; fi
}

stop() {
  local dir pid
  [ -d "$1" ] || return 0
  dir=$(absolute "$1")
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || end_process "$pid" TERM
  rm -f "$dir/pid"
}

main "$@"
