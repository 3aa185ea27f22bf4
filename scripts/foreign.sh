#!/usr/bin/env bash
# Installs other people's MCP programs, pinned, for the tests that start them and for
# `compare -- peers`: the Python and the TypeScript SDK (v1 and v2), FastMCP and the MCP
# Inspector. They come from PyPI and npm, about 450 MB, into a folder of the user's cache, each part
# into one of its own for what is pinned, so that two checkouts do not take away each other's; what
# is there already stays. To be rid of them, delete that folder.
#
#   scripts/foreign.sh          installs, and says where
#   scripts/foreign.sh --path   says where, and installs nothing
#
# Needs python3 3.11 or newer with venv, and node and npm (on Debian: apt-get install
# python3-venv nodejs npm). The Inspector needs Node 22.19 or newer: on Linux a pinned one comes
# from npm, too.
set -euo pipefail
cd "$(dirname "$0")/../crates/compare/foreign"

folder=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-auth/foreign
case ${1:-} in
    "") ;;
    --path) echo "$folder"; exit ;;
    *) echo "usage: scripts/foreign.sh [--path]" >&2; exit 2 ;;
esac

for program in python3 node npm; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing; on Debian: apt-get install python3-venv nodejs npm" >&2
        exit 1
    fi
done
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$(python3 --version) is too old; 3.11 or newer is needed" >&2
    exit 1
fi
mkdir -p "$folder"

# Where a part goes: its name and what is pinned, as src/installed.rs has it.
place() { # its name, its pins
    local digest
    digest=$(sha256sum "$2")
    echo "$folder/$1-${digest:0:12}"
}

# Each part keeps a copy of its pins beside it, written last: the tests read that.
python() { # its name, its pins, what has to be importable
    local place
    place=$(place "$1" "$2")
    if cmp -s "$2" "$place/requirements.txt" && "$place/bin/python" -c "import $3" 2>/dev/null; then
        return
    fi
    echo "installing the Python clients in $place" >&2
    rm -rf "${place:?}"
    python3 -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$2"
    cp "$2" "$place/requirements.txt"
}
python python requirements.txt fastmcp
python python-v1 requirements-v1.txt mcp

js=$(place js package-lock.json)
if ! cmp -s package-lock.json "$js/installed-lock.json" ||
    ! "$js/bin/node" --version >/dev/null 2>&1; then
    echo "installing the JavaScript clients in $js" >&2
    rm -rf "$js"
    mkdir "$js"
    cp package.json package-lock.json "$js/"
    (
        cd "$js"
        # None of these packages needs its install scripts.
        npm ci --ignore-scripts --no-audit --no-fund --loglevel error
        mkdir bin
        # Pinned with the rest. Where npm has none for this machine, the one at hand has to do.
        own=$(echo node_modules/node-linux-*/bin/node)
        if [ -x "$own" ]; then
            ln -s "../$own" bin/node
        else
            ln -s "$(command -v node)" bin/node
        fi
        bin/node --version >/dev/null
    )
    cp package-lock.json "$js/installed-lock.json"
fi
echo "$folder"
