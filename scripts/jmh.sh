#!/usr/bin/env bash
# usage: scripts/jmh.sh [JMH ARGUMENT...]     such as: scripts/jmh.sh DqnDecisionBench -f 1
# Compiles the benches in jmh/ and runs those that match. Needs JAVA_HOME to be a JDK 25.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${JAVA_HOME:?set it to a JDK 25}"
mvn -q -B -ntp -Pjmh test-compile
# Maven has an exec goal of its own bound to the build, so the execution is named.
exec mvn -q -B -ntp -Pjmh exec:exec@jmh \
  -Dexec.executable="$JAVA_HOME/bin/java" -Dexec.classpathScope=test \
  -Dexec.args="--enable-native-access=ALL-UNNAMED -cp target/cuda/classes:%classpath org.openjdk.jmh.Main $*"
