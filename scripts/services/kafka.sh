#!/usr/bin/env bash
# A real Apache Kafka broker (KRaft, one node, broker and controller in one) for tests.
#
#   kafka.sh install                         the jars, once per machine, from Maven Central
#   kafka.sh start DIR PORT [prop=value ...] clients on PORT, controller on PORT+1; a repeated property: the last one wins
#   kafka.sh stop DIR                        waits until it is gone; keeps the data; KAFKA_STOP_SIGNAL=KILL: at once
#   kafka.sh restart DIR                     the same data, port and properties
#
# start and restart return when clients can connect, and print the broker's pid. Environment: KAFKA_VERSION, KAFKA_HEAP.
set -euo pipefail
. "$(dirname "$0")/server.sh"

VERSION=${KAFKA_VERSION:-4.3.1}
HOME_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/drakkar/kafka-$VERSION
HEAP=${KAFKA_HEAP:-512m}
READY_SECONDS=120
STOP_SECONDS=30

install() {
  [ -f "$HOME_DIR/complete" ] && return
  command -v java >/dev/null || fail 'java is missing: apt-get install -y --no-install-recommends default-jre-headless'
  command -v mvn >/dev/null || fail 'mvn is missing: apt-get install -y --no-install-recommends maven'
  local draft
  mkdir -p "$(dirname "$HOME_DIR")"
  draft=$(mktemp -d "$HOME_DIR.XXXXXX")
  cat >"$draft/pom.xml" <<X
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>local.services</groupId><artifactId>kafka-dist</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
X
  cat >"$draft/log4j2.yaml" <<'X'
Configuration:
  status: WARN
  Appenders: {Console: {name: OUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers:
    Root: {level: INFO, AppenderRef: [{ref: OUT}]}
    Logger: [{name: kafka.server.KafkaConfig, level: WARN}, {name: org.apache.kafka.common.config.AbstractConfig, level: WARN}]
X
  echo "kafka.sh: fetching Kafka $VERSION into $HOME_DIR" >&2
  (cd "$draft" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs </dev/null >&2) ||
    { rm -rf "$draft"; fail "Maven could not fetch Kafka $VERSION"; }
  touch "$draft/complete"
  # Two at once: the first one's folder stays, and is the same.
  mv -T "$draft" "$HOME_DIR" 2>/dev/null || rm -rf "$draft"
}

start() {
  local dir port=$2
  mkdir -p "$1"
  dir=$(absolute "$1")
  shift 2
  { properties "$dir" "$port"; [ $# -eq 0 ] || printf '%s\n' "$@"; } >"$dir/server.properties"
  run "$dir"
}

properties() {
  cat <<P
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
node.id=1
controller.quorum.voters=1@127.0.0.1:$(($2 + 1))
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$(($2 + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$2
log.dirs=$1/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=2097152
P
}

run() {
  local dir=$1 pid
  [ -f "$dir/server.properties" ] || fail "$dir holds no broker: start it first"
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || fail "the broker in $dir runs already (pid $pid)"
  if [ ! -f "$dir/data/meta.properties" ]; then
    jvm -Xmx256m kafka.tools.StorageTool format -t "${KAFKA_CLUSTER_ID:-MkU3OEVBNTcwNTJENDM2Qk}" -c "$dir/server.properties" \
      >"$dir/format.log" 2>&1 </dev/null || { cat "$dir/format.log" >&2; fail "cannot format $dir/data"; }
  fi
  # Its own session: a Ctrl-C for the tests must not end the broker before them.
  (
    cd "$dir"
    exec setsid nohup java -Xms192m "-Xmx$HEAP" -XX:+UseG1GC -XX:MaxMetaspaceSize=128m -XX:ReservedCodeCacheSize=64m \
      -XX:TieredStopAtLevel=1 -Xss512k -Djava.awt.headless=true "-Dlog4j2.configurationFile=$HOME_DIR/log4j2.yaml" \
      -cp "$HOME_DIR/libs/*" kafka.Kafka "$dir/server.properties" >log 2>&1 </dev/null
  ) &
  pid=$!
  echo "$pid" >"$dir/pid"
  for ((i = 0; i < READY_SECONDS * 20; i++)); do
    ! grep -q 'Kafka Server started' "$dir/log" 2>/dev/null || { echo "$pid"; return; }
    alive "$pid" || break
    sleep 0.05
  done
  tail -n 30 "$dir/log" >&2 || true
  stop "$dir"
  fail "the broker in $dir did not start within $READY_SECONDS s, or ended"
}

jvm() { java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$HOME_DIR/log4j2.yaml" -cp "$HOME_DIR/libs/*" "$@"; }

# The pid of the broker of DIR, or nothing; a number that the kernel gave to somebody else meanwhile is not it.
pid_of() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  if alive "$pid" && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1/server.properties"; then echo "$pid"; fi
}

stop() {
  local dir pid
  [ -d "$1" ] || return 0
  dir=$(absolute "$1")
  pid=$(pid_of "$dir")
  [ -z "$pid" ] || end_process "$pid" "${KAFKA_STOP_SIGNAL:-TERM}"
  rm -f "$dir/pid"
}

dispatch 3 "$@"
