#!/usr/bin/env bash
# usage: scripts/jcstress.sh [JCSTRESS ARGUMENT...]     such as: scripts/jcstress.sh -m quick
# Compiles the tests in src/jcstress/, of what threads share, and runs them. Needs JAVA_HOME to be a JDK 25.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${JAVA_HOME:?set it to a JDK 25}"
mvn -q -B -ntp -Pjcstress test-compile
# Maven has an exec goal of its own bound to the build, so the execution is named.
exec mvn -q -B -ntp -Pjcstress exec:exec@jcstress \
  -Dexec.executable="$JAVA_HOME/bin/java" -Dexec.classpathScope=test \
  -Dexec.args="-cp %classpath org.openjdk.jcstress.Main -r target/jcstress $*"
