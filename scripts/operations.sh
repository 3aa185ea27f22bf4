#!/usr/bin/env bash
# Does what docs/operations.md says, in a fresh clone, chapter by chapter.
#
#   scripts/operations.sh            all chapters
#   scripts/operations.sh leaked     those whose heading has this word
#
# Commands are the lines of its ```sh blocks, in one shell for each chapter. A command fails unless
# it ends with the exit code that stands behind it, as in `# exits 2`. What follows in a ```text
# block has to be among what the block before printed, line by line; … stands for anything. A
# server goes on in the background until the chapter ends. The clone shares this checkout's target
# folder, so that nothing is built twice.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/servers.sh

target=${CARGO_TARGET_DIR:-$PWD/target}
# Before the trap: what is stopped there is what was started here.
unset "${!MCP_@}"
work=$(mktemp -d)
finish() {
    local status=$?
    stop_servers || status=1
    # Of a chapter that went wrong in the middle.
    case ${MCP_STORE:-} in postgres:*) scripts/postgres.sh stop "$MCP_STORE" || status=1 ;; esac
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

git clone --quiet . "$work/mcp-auth"
cd "$work/mcp-auth"
export CARGO_TARGET_DIR=$target
# So that `cargo run` says nothing that it did.
cargo build --quiet -p keygen -p inspect -p apikey-client -p jwt-client -p rbac-client

printed=$work/printed
fail() { printf '\ndocs/operations.md, line %s: %s\n' "$number" "$*" >&2; exit 1; }

run() {
    local command=$1 expected=0 status=0
    case $command in
        *"# exits "*) expected=${command##*# exits } command=${command%%# exits *} ;;
    esac
    printf '\n$ %s\n' "$1"
    if is_server "$command"; then
        start_server "$command" || fail "it did not start"
        return
    fi
    # In this shell, so that a variable is there for the next command.
    eval "$command" > "$work/now" 2>&1 < /dev/null || status=$?
    cat "$work/now"
    cat "$work/now" >> "$printed"
    [ "$status" = "$expected" ] || fail "exit code $status where $expected was expected"
    # What is promised for a change to be seen, and less than a person takes for the next command.
    case $command in *" -p keygen "*) sleep 0.3 ;; esac
}

# Whether a line of the document is among what was printed.
is_printed() {
    local pattern line
    # Spaces fill the cells of tables, in as many as there happen to be.
    pattern=$(sed 's/[][\.*^$\\]/\\&/g; s/…/.*/g; s/^ */ */; s/  */ \\+/g' <<< "$1")
    grep -q -- "$pattern" "$printed"
}

wanted=${1:-} chapter='' block='' number=0 done=0
while IFS= read -r line <&9; do
    number=$((number + 1))
    case $line in
        "## "*)
            stop_servers || fail "in the chapter before"
            chapter=$line
            case $chapter in *"$wanted"*) printf '\n%s\n' "$chapter" ;; *) chapter='' ;; esac
            unset "${!MCP_@}"
            ;;
        '```sh') block=sh; : > "$printed" ;;
        '```text') block=text ;;
        '```') block='' ;;
        *)
            [ -n "$chapter" ] && [ -n "$line" ] || continue
            case $block in
                sh) run "$line"; done=$((done + 1)) ;;
                text) is_printed "$line" || fail "nothing like this was printed: $line" ;;
            esac
            ;;
    esac
done 9< docs/operations.md
[ "$done" -gt 0 ] || { echo "there is no such chapter" >&2; exit 1; }
printf '\n%s commands of docs/operations.md did what it says\n' "$done"
