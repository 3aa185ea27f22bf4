#!/usr/bin/env bash
# Runs every command of README.md in a fresh clone, as someone would who has never seen it.
#
# Commands are the lines of its ```sh blocks. A server goes on in the background, as in a
# terminal of its own, and is asked to stop with Ctrl-C at the end; a command that fails
# fails this script. The clone shares this checkout's target folder, so that nothing is
# built twice, and `cargo test` is left to check.sh, which ends with it.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
work=$(mktemp -d)
servers=()
stop() {
    local status=$? pid
    for pid in "${servers[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
    for pid in "${servers[@]}"; do
        wait "$pid" || { echo "a server did not exit cleanly on Ctrl-C" >&2; status=1; }
    done
    rm -rf "$work"
    exit "$status"
}
trap stop EXIT

git clone --quiet . "$work/mcp-auth"
cd "$work/mcp-auth"
export CARGO_TARGET_DIR=$target

# The port that a server listens on: the one it is told, or its own.
port() {
    case $1 in
        *--listen*) sed 's/.*--listen [^ ]*:\([0-9]*\).*/\1/' <<< "$1" ;;
        *apikey-server*) echo 8101 ;;
        *jwt-server*) echo 8102 ;;
        *rbac-server*) echo 8103 ;;
    esac
}

answers() {
    for _ in $(seq 600); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}

awk '/^```sh$/ { block = 1; next } /^```/ { block = 0 } block && NF && !/^#/' README.md > "$work/commands"
[ -s "$work/commands" ] || { echo "README.md has no commands" >&2; exit 1; }

while IFS= read -r command <&9; do
    case $command in
        "git clone"*|"cd "*|"cargo test"*) continue ;;
    esac
    printf '\n$ %s\n' "$command"
    case $command in
        "cargo run -p "*"-server"*)
            package=${command#cargo run -p }
            cargo build --quiet -p "${package%% *}"
            arguments=()
            case $command in
                *" -- "*) read -ra arguments <<< "${command#* -- }" ;;
            esac
            # Without `cargo` in between, so that the signal reaches the server.
            "$target/debug/${package%% *}" "${arguments[@]}" &
            servers+=($!)
            answers "$(port "$command")" "$!" || { echo "it did not start" >&2; exit 1; }
            ;;
        *) bash -euo pipefail -c "$command" </dev/null ;;
    esac
done 9< "$work/commands"
