#!/usr/bin/env bash
# Installs the Prometheus that the alert rules of docs/alerts.yml are tested with, pinned: Debian's
# package, unpacked into a folder of the user's cache (about 100 MB) and never started as a service.
#
#   scripts/prometheus.sh          installs, and says where
#   scripts/prometheus.sh --path   says where, and installs nothing
#
# The folder that it prints belongs in the PATH. Needs Debian with apt-get, on amd64.
set -euo pipefail

version=2.42.0+ds-5+deb12u1
digest=81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55

folder=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-auth/prometheus/$version
case ${1:-} in
    "") ;;
    --path) echo "$folder"; exit ;;
    *) echo "usage: scripts/prometheus.sh [--path]" >&2; exit 2 ;;
esac
# Moved there in one piece, and so whole if it is there.
if [ -x "$folder/prometheus" ]; then echo "$folder"; exit; fi

if [ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ]; then
    echo "the pinned Prometheus is Debian's for amd64, which this machine is not" >&2
    exit 1
fi
echo "installing Prometheus $version in $folder" >&2
mkdir -p "${folder%/*}"
work=$(mktemp -d "${folder%/*}/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch() { apt-get download -qq "prometheus=$version"; }
# With the lists of packages that are there, or else with new ones.
if ! fetch 2>/dev/null && ! { apt-get update -qq && fetch; }; then
    cat >&2 <<END
Debian has Prometheus $version no more, or cannot be reached. apt-cache show prometheus says which
version there is, and its SHA256: put both into scripts/prometheus.sh.
END
    exit 1
fi
if ! echo "$digest *$(echo ./*.deb)" | sha256sum --check --status; then
    echo "what came as Prometheus $version is not what was pinned: it has another SHA-256" >&2
    exit 1
fi
dpkg-deb -x ./*.deb .
mv -T usr/bin "$folder"
echo "$folder"
