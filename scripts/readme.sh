#!/usr/bin/env bash
# Runs every command of README.md in a fresh clone, as someone would who has never seen it.
#
# Commands are the lines of its ```sh blocks. A server goes on in the background, as in a
# terminal of its own, and is asked to stop with Ctrl-C at the end; a command that fails
# fails this script. The clone shares this checkout's target folder, so that nothing is
# built twice, and `cargo test` is left to check.sh, which ends with it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/servers.sh

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$(mktemp -d)
stop() {
    local status=$?
    stop_servers || status=1
    rm -rf "$work"
    exit "$status"
}
trap stop EXIT

git clone --quiet . "$work/mcp-auth"
cd "$work/mcp-auth"
export CARGO_TARGET_DIR=$target

awk '/^```sh$/ { block = 1; next } /^```/ { block = 0 } block && NF && !/^#/' README.md > "$work/commands"
[ -s "$work/commands" ] || { echo "README.md has no commands" >&2; exit 1; }

while IFS= read -r command <&9; do
    case $command in
        "git clone"*|"cd "*|"cargo test"*) continue ;;
    esac
    printf '\n$ %s\n' "$command"
    if is_server "$command"; then
        start_server "$command" || exit 1
    else
        bash -euo pipefail -c "$command" </dev/null
    fi
done 9< "$work/commands"
