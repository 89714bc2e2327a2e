#!/usr/bin/env bash
# A real server of the MongoDB protocol for tests: FerretDB 1.24 with SQLite. It is not MongoDB: no transactions, replica
# sets, NaN or Decimal128; docs/guide/sinks-mongo.md says what was therefore not run.
#
#   ferretdb.sh install                  builds it with Go, once per machine (about a minute)
#   ferretdb.sh start DIR PORT [auth|open [flag ...]]
#                                        auth: the user `user` with the password `pass` must log in; flags are FerretDB's
#   ferretdb.sh stop DIR                 waits until it is gone; keeps the data
#   ferretdb.sh restart DIR              the same data and port
#
# start and restart return when clients can connect, and print the pid. It listens on 127.0.0.1 only.
set -euo pipefail
. "$(dirname "$0")/server.sh"

VERSION=v1.24.2
PROGRAM=${XDG_CACHE_HOME:-$HOME/.cache}/drakkar/services/ferretdb-$VERSION
READY_SECONDS=30
STOP_SECONDS=20

# Not `go install`: a program that was made so does not know its version, and refuses to start.
install() {
  [ -x "$PROGRAM" ] && return
  command -v go >/dev/null || fail 'go is missing: apt-get install -y --no-install-recommends golang (1.22 or newer)'
  local draft source
  mkdir -p "$(dirname "$PROGRAM")"
  draft=$(mktemp -d "$PROGRAM.XXXXXX")
  echo "ferretdb.sh: building FerretDB $VERSION into $PROGRAM" >&2
  source=$(cd "$draft" && go mod download -json "github.com/FerretDB/FerretDB@$VERSION" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [ -d "$source" ] || { rm -rf "$draft"; fail "Go could not fetch FerretDB $VERSION"; }
  cp -r "$source" "$draft/source"
  chmod -R u+w "$draft/source"
  echo "$VERSION" >"$draft/source/build/version/version.txt"
  (cd "$draft/source" && go build -trimpath -ldflags '-s -w' -o "$draft/ferretdb" ./cmd/ferretdb >&2) ||
    { rm -rf "$draft"; fail "FerretDB $VERSION could not be built"; }
  mv -f "$draft/ferretdb" "$PROGRAM"
  rm -rf "$draft"
}

start() {
  local dir
  mkdir -p "$1/data"
  dir=$(absolute "$1")
  printf '%s\n' "$2" >"$dir/port"
  printf '%s\n' "${3:-open}" >"$dir/auth"
  printf '%s\n' "${@:4}" >"$dir/flags"
  run "$dir"
}

run() {
  local dir=$1 pid port words=() flags=()
  [ -f "$dir/port" ] || fail "$dir holds no server: start it first"
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || fail "the server in $dir runs already (pid $pid)"
  port=$(cat "$dir/port")
  [ "$(cat "$dir/auth")" != auth ] ||
    words=(--test-enable-new-auth --setup-database=admin --setup-username=user --setup-password=pass)
  mapfile -t flags < <(sed '/^$/d' "$dir/flags")
  # Its own session: a Ctrl-C for the tests must not end it before them.
  (
    cd "$dir"
    exec setsid nohup "$PROGRAM" --handler=sqlite "--sqlite-url=file:$dir/data/" "--state-dir=$dir" \
      "--listen-addr=127.0.0.1:$port" --debug-addr=- --telemetry=disable --log-level=ERROR "${words[@]}" "${flags[@]}" >>log 2>&1 </dev/null
  ) &
  pid=$!
  echo "$pid" >"$dir/pid"
  for ((i = 0; i < READY_SECONDS * 20; i++)); do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$pid"; return; }
    alive "$pid" || break
    sleep 0.05
  done
  tail -n 30 "$dir/log" >&2 || true
  stop "$dir"
  fail "the server in $dir did not start within $READY_SECONDS s, or ended"
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

dispatch 3 "$@"
