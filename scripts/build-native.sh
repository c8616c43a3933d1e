#!/usr/bin/env bash
# usage: scripts/build-native.sh OUTPUT_DIR
# Builds native/*.c into OUTPUT_DIR/linux-x86_64/librap_cpu.so. Called by the Maven build.
set -euo pipefail
mkdir -p "$1"
