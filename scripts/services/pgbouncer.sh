#!/usr/bin/env bash
# A real PgBouncer with transaction pooling, in front of a server of postgres.sh.
#
#   pgbouncer.sh install                       pgbouncer from apt, where it is missing (as root)
#   pgbouncer.sh start DIR PORT SERVER_PORT [name=value ...]
#                                              settings are those of the section [pgbouncer]
#   pgbouncer.sh stop DIR
#   pgbouncer.sh restart DIR                   the same port and settings
#
# start and restart return when clients can connect, and print the pid. It listens on 127.0.0.1 only, takes every client, and
# is postgres towards the server. As root it runs as the user postgres, since it refuses to be root.
set -euo pipefail
. "$(dirname "$0")/server.sh"

READY_SECONDS=30
STOP_SECONDS=10

program() { command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null || true; }

install() {
  [ -n "$(program)" ] || from_apt pgbouncer
}

start() {
  local dir port=$2 server=$3
  mkdir -p "$1"
  dir=$(absolute "$1")
  shift 3
  {
    printf '%s\n' '[databases]' "* = host=127.0.0.1 port=$server user=postgres password=postgres" '[pgbouncer]' \
      'listen_addr = 127.0.0.1' "listen_port = $port" 'unix_socket_dir =' 'auth_type = any' 'pool_mode = transaction' \
      'default_pool_size = 10' 'ignore_startup_parameters = extra_float_digits' 'server_login_retry = 1' \
      "logfile = $dir/log" "pidfile = $dir/pid"
    printf '%s\n' "$@"
  } >"$dir/pgbouncer.ini"
  chmod 755 "$dir"
  [ "$(id -u)" != 0 ] || chown -R postgres: "$dir"
  run "$dir"
}

run() {
  local dir=$1 i pid port
  [ -f "$dir/pgbouncer.ini" ] || fail "$dir holds no pooler: start it first"
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || fail "the pooler in $dir runs already (pid $pid)"
  port=$(sed -n 's/^listen_port = //p' "$dir/pgbouncer.ini")
  as_postgres "$(program)" -d -q "$dir/pgbouncer.ini" >"$dir/start.log" 2>&1 </dev/null || {
    tail -n 30 "$dir/start.log" "$dir/log" >&2 || true
    fail "the pooler in $dir did not start"
  }
  for ((i = 0; i < READY_SECONDS * 20; i++)); do
    pid=$(pid_of "$dir")
    [ -z "$pid" ] || ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$pid"; return; }
    sleep 0.05
  done
  fail "the pooler in $dir did not start within $READY_SECONDS s"
}

# The pid of the pooler of DIR, or nothing; a number that the kernel gave to somebody else meanwhile is not it.
pid_of() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  if [ -n "$pid" ] && alive "$pid" && grep -qzF "$1/pgbouncer.ini" "/proc/$pid/cmdline"; then echo "$pid"; fi
}

stop() {
  local dir pid
  [ -d "$1" ] || return 0
  dir=$(absolute "$1")
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || end_process "$pid" TERM
  rm -f "$dir/pid"
}

dispatch 4 "$@"
