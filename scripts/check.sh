#!/usr/bin/env bash
# Whether everything holds.
#
#   scripts/check.sh         formatting, lints, tests: what to run before a commit
#   scripts/check.sh full    the same, and dependencies, documentation, alert rules, the
#                            features otel and postgres, every command of the README and of
#                            the runbook in a fresh clone, other people's clients and the
#                            official conformance suite, and the README's test command last
#
# What other people's programs that needs is installed, pinned, into a folder of the user's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*" >&2; }

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --quiet -- -D warnings

if [ "${1:-}" = full ]; then
    step "documentation"
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

    step "dependencies"
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "cargo-deny is missing; run: cargo install cargo-deny --version 0.20.2 --locked" >&2
        exit 1
    fi
    cargo deny check bans licenses sources

    step "other people's clients"
    scripts/foreign.sh
    # Now their tests may not be left out.
    export MCP_AUTH_REQUIRE_FOREIGN=1
    step "alert rules"
    prometheus=$(scripts/prometheus.sh)
    export PATH=$prometheus:$PATH MCP_AUTH_REQUIRE_PROMETHEUS=1
    promtool check rules docs/alerts.yml

    step "OpenTelemetry traces"
    cargo clippy -p apikey-server --features otel --all-targets --quiet -- -D warnings
    cargo test -p apikey-server --features otel --test traces

    step "credentials on a PostgreSQL server"
    features=$(printf '%s/postgres,' keygen compare apikey-server jwt-server rbac-server)
    on_postgres() {
        MCP_AUTH_REQUIRE_POSTGRES=1 cargo "$1" --quiet -p store -p keygen -p compare \
            -p apikey-server -p jwt-server -p rbac-server --features "${features%,}" "${@:2}"
    }
    on_postgres clippy --all-targets -- -D warnings
    on_postgres test --test suite_on_postgres
    on_postgres test --lib --test crashes --test replicas --test over_tls postgres

    step "every command of the README, in a fresh clone"
    scripts/readme.sh

    step "every command of the runbook, in a fresh clone"
    scripts/operations.sh

    step "the official conformance suite"
    # Built as the tests need it, so that nothing is built again for them.
    cargo test --workspace --quiet --no-run
    said=$(scripts/conformance.sh --no-build) || { printf '%s\n' "$said" >&2; exit 1; }
    printf '%s\n' "$said" >&2
    said=${said##*$'\n'}
    grep -qF "$said" README.md || { echo "README.md says something else than: $said" >&2; exit 1; }
fi

step "tests"
cargo test --workspace
