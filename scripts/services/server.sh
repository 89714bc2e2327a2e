# What the scripts of the servers share; sourced, not run. They set STOP_SECONDS, and have the functions
# install, start, stop and run.
# shellcheck shell=bash

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
absolute() { (cd "$1" && pwd); }

# A zombie that nobody has reaped yet counts as stopped: kill -0 would succeed on it. But after SIGKILL the first thread is
# one while others still go, and hold ports and files.
alive() {
  local state
  state=$(awk '/^State:/{state = $2} /^Threads:/{if (state == "Z" && $2 < 2) state = ""} END{print state}' "/proc/$1/status" 2>/dev/null) || return 1
  [ -n "$state" ]
}

# end_process PID SIGNAL: waits until it is gone, and kills what does not go.
end_process() {
  local i
  kill "-$2" "$1" 2>/dev/null || true
  # A stopped process (SIGSTOP in a test) handles no signal before it continues.
  kill -CONT "$1" 2>/dev/null || true
  for ((i = 0; i < STOP_SECONDS * 20; i++)); do
    alive "$1" || return 0
    sleep 0.05
  done
  echo "$(basename "$0"): pid $1 needed SIGKILL" >&2
  kill -KILL "$1" 2>/dev/null || true
}

# The comment at the head of the script.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0" >&2; exit 2; }

# dispatch LEAST VERB ...: the verbs that every server has; `start` needs at least so many words, itself one of them.
dispatch() {
  local least=$1
  shift
  case ${1:-} in
    install) install ;;
    start) [ $# -ge "$least" ] || usage; shift; install; start "$@" ;;
    stop) [ $# -eq 2 ] || usage; stop "$2" ;;
    restart) [ $# -eq 2 ] || usage; stop "$2"; run "$(absolute "$2")" ;;
    *) usage ;;
  esac
}

# PostgreSQL and its pooler refuse to be root.
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi; }

# from_apt PACKAGE ...: installs packages, as root.
from_apt() {
  local say="apt-get install -y --no-install-recommends $*" policy=/usr/sbin/policy-rc.d own= code=0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "missing here, as root: $say"
  # Packages of servers start one for the whole system unless this says no.
  [ -e "$policy" ] || { own=yes; printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; }
  echo "$(basename "$0"): $say" >&2
  (export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && $say) >/dev/null 2>&1 </dev/null || code=$?
  [ -z "$own" ] || rm -f "$policy"
  [ "$code" = 0 ] || fail "could not be installed: $say"
}
