#!/usr/bin/env bash
# Measures everything and keeps the medians, with the machine they were measured on, in
# benches/results/<date>-<cpu>.md. Arguments go to the benches: scripts/bench.sh --quick
set -euo pipefail
cd "$(dirname "$0")/.."

since=$(date +%s)
cargo bench -- "$@"
cargo run --quiet --release -p benches --bin results -- benches/results "$since"
