#!/usr/bin/env bash
# Runs the official conformance suite of MCP, in two versions of it, against the three servers
# and against crates/fixture, each behind its credential, and its scenarios for client
# credentials against jwt-client and jwt-server's metadata. Prints what held and what was
# expected not to; anything else makes the exit code 1.
#
#   scripts/conformance.sh              a table
#   scripts/conformance.sh --json       the same as one JSON document
#   scripts/conformance.sh --no-build   takes the programs as cargo test left them
#
# Needs npm. The suite, and Node.js 22 if there is none, are installed once into the cache
# folder, in the versions of scripts/conformance/package-lock.json.
set -euo pipefail
cd "$(dirname "$0")/.."

here=$PWD/scripts/conformance
bin=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug
# Where everything the suite wrote is left to be read.
results=${bin%/debug}/conformance
stable=0.1.16
alpha=0.2.0-alpha.12
# Seconds that a run may take. It takes five; a server that answers nothing takes all of them.
longest=120
# The suite asks faster than people do. The limit stays on.
flags=(--listen 127.0.0.1:0 --rate-limit 10000/min,2000)

say() { printf '%s\n' "$*" >&2; }

build=1
shown=()
for argument in "$@"; do
    case $argument in
        --json) shown=(--json) ;;
        --no-build) build= ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' scripts/conformance.sh; exit 0 ;;
        *) say "there is no $argument; see scripts/conformance.sh --help"; exit 1 ;;
    esac
done

for needed in npm cargo; do
    command -v "$needed" >/dev/null || { say "$needed is missing; install it (on Debian: apt-get install npm)"; exit 1; }
done

work=$(mktemp -d)
started=()
finish() {
    local status=$? pid
    trap - EXIT INT TERM
    for pid in "${started[@]}"; do
        # Asked again, because one that has hardly started may not have heard it.
        for attempt in $(seq 50); do
            kill -TERM "$pid" 2>/dev/null || break
            [ "$attempt" -lt 50 ] || kill -KILL "$pid"
            sleep 0.1
        done
    done
    rm -rf "$work" ${new:+"$new"}
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What somebody has set for servers of their own is not for these.
unset "${!MCP_@}"

# Runs a program in the background and ends it with this script, and waits for it: a signal is
# then heard at once.
attended() {
    "$@" &
    started+=($!)
    local status=0
    wait $! || status=$?
    unset 'started[-1]'
    return "$status"
}

# --- the suite ---

recent_node() {
    command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 22 ]
}

if recent_node; then
    node=$(command -v node) kind=suite
else
    kind=suite-and-node
fi
lock=$(cksum < "$here/package-lock.json" | cut -d' ' -f1)
suite=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-auth/conformance/$kind-$lock
if [ ! -d "$suite" ]; then
    say "installing the suite into $suite"
    mkdir -p "$(dirname "$suite")"
    new=$(mktemp -d "$suite.XXXXXX")
    cp "$here/package.json" "$here/package-lock.json" "$new"
    omit=()
    [ "$kind" = suite-and-node ] || omit=(--omit=optional)
    # Nothing of what is installed runs while it is.
    attended npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error \
        "${omit[@]}" >&2 || { say "npm could not install the suite"; exit 1; }
    # Somebody else may have been faster.
    mv -T "$new" "$suite" 2>/dev/null || rm -rf "$new"
    new=
fi
if [ "$kind" = suite-and-node ]; then
    node=$(echo "$suite"/node_modules/node-linux-*/bin/node)
    [ -x "$node" ] || { say "there is no Node.js 22 for this machine on npm; install it"; exit 1; }
fi

# --- what it is run against ---

if [ -n "$build" ]; then
    cargo build --quiet -p apikey-server -p jwt-server -p rbac-server -p fixture \
        -p apikey-client -p jwt-client -p rbac-client -p keygen
fi
# Where there is no .env.
cd "$work"
# Keys, and all that is read from them, are for this user alone.
umask 077

# Starts a program that says where it is running, and prints that URL.
start() {
    local name=$1 log=$work/$1.log
    shift
    : > "$log"
    "$@" > "$log" 2>&1 &
    started+=($!)
    for _ in $(seq 300); do
        url=$(sed -n 's/.* is running at \(http.*\)/\1/p' "$log")
        [ -z "$url" ] || return 0
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    say "$name did not start:"
    cat "$log" >&2
    exit 1
}

# A client's notes are for people. What went wrong is for whoever started this.
quietly() {
    "$@" 2> "$work/client.log" || { cat "$work/client.log" >&2; exit 1; }
}

# Puts a proxy in front of the server that has just started, with this header.
proxy() {
    local address=${url#http://}
    start "$1-proxy" "$bin/credential-proxy" --to "${address%/mcp}" --header-file "$2"
}

rm -rf "$results"
# One run: its server or client, the version of the suite, the revision of the protocol, and
# what is given to the suite.
run() {
    local folder=$results/$1/$2/$3 status=0
    local cli=$suite/node_modules/conformance-$2/dist/index.js
    printf '%-14s %-15s %s\n' "$1" "$2" "$3" >&2
    shift 3
    mkdir -p "$folder"
    attended timeout "$longest" "$node" "$cli" "$@" -o "$folder/out" > "$folder/log" 2>&1 \
        || status=$?
    # As timeout says it.
    if [ "$status" = 124 ]; then
        say "the suite did not come to an end within $longest seconds; it wrote:"
        tail -n 5 "$folder/log" >&2
        exit 1
    fi
    echo "$status" > "$folder/status"
}

# All scenarios for servers. They leave sessions open, of which a caller may have 32: these are
# ended in between.
scenarios() {
    run "$1" "$stable" 2025-11-25 server --url "$url" --suite active
    for revision in 2025-11-25 2026-07-28; do
        quietly "${client[@]}" sessions --end-all > /dev/null
        run "$1" "$alpha" "$revision" server --url "$url" --requirements "$revision"
    done
}

for scheme in apikey jwt rbac; do
    keys=$work/$scheme
    mkdir "$keys"
    [ "$scheme" != rbac ] || "$bin/keygen" --keys "$keys" rsa > /dev/null
    start "$scheme-server" "$bin/$scheme-server" "${flags[@]}" --keys "$keys"
    client=("$bin/$scheme-client" --url "$url" --keys "$keys")
    if [ "$scheme" = jwt ]; then
        run jwt-server "$alpha" metadata authorization --url "${url%/mcp}" \
            --scenario authorization-server-metadata-endpoint
    fi
    quietly "${client[@]}" credential --header > "$keys/header"
    proxy "$scheme" "$keys/header"
    scenarios "$scheme-server"
done

od -An -tx1 -N32 /dev/urandom | tr -d ' \n' > "$work/key"
start fixture "$bin/fixture" "${flags[@]}" --keys "$work" --key-file "$work/key"
client=("$bin/apikey-client" --url "$url" --keys "$work" --key-file "$work/key")
quietly "${client[@]}" credential --header > "$work/header"
proxy fixture "$work/header"
scenarios fixture

# The suite gives the client its credentials in the environment and appends the URL. It splits
# the command at spaces, of which there are none in this folder's name.
ln -s "$node" node
cp "$here/jwt-client.mjs" .
export JWT_CLIENT=$bin/jwt-client MCP_KEYS=$work/client
mkdir "$MCP_KEYS"
command="$work/node $work/jwt-client.mjs"
for method in basic jwt; do
    scenario=auth/client-credentials-$method
    run jwt-client "$stable" "2025-11-25/$method" client --command "$command" --scenario "$scenario"
    for revision in 2025-11-25 2026-07-28; do
        run jwt-client "$alpha" "$revision/$method" client --command "$command" \
            --scenario "$scenario" --spec-version "$revision" --force
    done
done

# --- what came of it ---

say "what the suite wrote is in $results"
"$bin/verdict" --expected "$here/expected.toml" "${shown[@]}" "$results"
