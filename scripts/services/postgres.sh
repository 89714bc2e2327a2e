#!/usr/bin/env bash
# A real PostgreSQL server for tests.
#
#   postgres.sh install                        postgresql from apt, where it is missing (as root)
#   postgres.sh start DIR PORT [name=value ...] one server; settings are those of postgresql.conf
#   postgres.sh stop DIR                       waits until it is gone; keeps the data
#   postgres.sh restart DIR                    the same data, port and settings
#
# start and restart return when clients can connect, and print the pid. The server listens on 127.0.0.1 only; the role is
# postgres and its password too. It syncs nothing to the disk unless a setting says fsync=on. As root it runs as the user
# postgres, since it refuses to be root. Environment: PG_BIN, the folder of initdb and postgres.
set -euo pipefail
. "$(dirname "$0")/server.sh"

READY_SECONDS=60
STOP_SECONDS=30

bin() { if [ -n "${PG_BIN:-}" ]; then echo "$PG_BIN"; else ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; fi; }

install() {
  [ -n "$(bin)" ] || from_apt postgresql
}

start() {
  local dir port=$2
  mkdir -p "$1"
  dir=$(absolute "$1")
  shift 2
  # The server's user must be able to enter.
  chmod 755 "$dir"
  [ "$(id -u)" != 0 ] || chown postgres: "$dir"
  if [ ! -f "$dir/data/PG_VERSION" ]; then
    printf 'postgres\n' >"$dir/password"
    chmod 644 "$dir/password"
    as_postgres "$(bin)/initdb" -D "$dir/data" -U postgres --pwfile="$dir/password" --auth-local=trust \
      --auth-host=scram-sha-256 -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; fail "initdb failed"; }
  fi
  {
    printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $port" "unix_socket_directories = '$dir'" 'fsync = off' \
      'synchronous_commit = off' 'full_page_writes = off' 'max_connections = 100' 'shared_buffers = 32MB'
    local setting
    for setting in "$@"; do printf "%s = '%s'\n" "${setting%%=*}" "$(value_of "$dir" "$setting")"; done
  } >"$dir/drakkar.conf"
  grep -qxF "include '$dir/drakkar.conf'" "$dir/data/postgresql.conf" ||
    printf "include '%s'\n" "$dir/drakkar.conf" >>"$dir/data/postgresql.conf"
  run "$dir"
}

# The server reads its key only where the file is its own: it gets a copy.
value_of() {
  local value=${2#*=} copy
  case $2 in
    ssl_cert_file=* | ssl_key_file=*)
      copy=$1/${2%%=*}
      cp "$value" "$copy"
      chmod 600 "$copy"
      [ "$(id -u)" != 0 ] || chown postgres: "$copy"
      echo "$copy"
      ;;
    *) echo "$value" ;;
  esac
}

run() {
  local dir=$1 pid
  [ -f "$dir/drakkar.conf" ] || fail "$dir holds no server: start it first"
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || fail "the server in $dir runs already (pid $pid)"
  # After a SIGKILL: workers of the dead one keep its memory until they have noticed.
  as_postgres "$(bin)/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t "$READY_SECONDS" -s start >"$dir/start.log" 2>&1 </dev/null || {
    tail -n 30 "$dir/start.log" "$dir/log" >&2 || true
    stop "$dir"
    fail "the server in $dir did not start within $READY_SECONDS s, or ended"
  }
  head -n 1 "$dir/data/postmaster.pid"
}

# The pid of the server of DIR, or nothing; a number that the kernel gave to somebody else meanwhile is not it.
pid_of() {
  local pid
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) || return 0
  if [ -n "$pid" ] && alive "$pid" && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]; then echo "$pid"; fi
}

stop() {
  local dir pid
  [ -d "$1" ] || return 0
  dir=$(absolute "$1")
  pid=$(pid_of "$dir")
  # INT: without waiting for clients.
  [ -z "$pid" ] || end_process "$pid" INT
  # A zombie holds its lock file until it is reaped.
  local dead
  dead=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null) || return 0
  for ((i = 0; i < STOP_SECONDS * 20; i++)); do [ -d "/proc/$dead" ] || break; sleep 0.05; done
}

dispatch 3 "$@"
