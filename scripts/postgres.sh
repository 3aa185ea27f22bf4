#!/usr/bin/env bash
# A PostgreSQL server for trying out, on a socket in a folder of its own.
#
#   scripts/postgres.sh start            prints the address of an empty database
#   scripts/postgres.sh stop ADDRESS     ends it, and all that it held is gone
#
# Needs the programs of a server (on Debian: apt-get install postgresql). Nobody but its user can reach
# the socket; as root it runs as the user postgres.
set -euo pipefail

programs=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1)")
[ -x "$programs/initdb" ] || { echo "no PostgreSQL server is installed; install: postgresql" >&2; exit 1; }

as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

case ${1:-} in
    start)
        folder=$(mktemp -d)
        [ "$(id -u)" != 0 ] || chown postgres: "$folder"
        cd "$folder"
        as_user "$programs/initdb" --username=mcp --auth=trust --encoding=UTF8 --locale=C \
            --pgdata "$folder/data" > /dev/null
        as_user "$programs/pg_ctl" --pgdata "$folder/data" --wait --silent --log "$folder/log" \
            --options "-k $folder -c listen_addresses=" start > /dev/null
        printf 'postgres://mcp@%s/postgres\n' "${folder//\//%2F}"
        ;;
    stop)
        folder=${2#postgres://mcp@} folder=${folder%/postgres} folder=${folder//%2F//}
        [ -f "$folder/data/postmaster.pid" ] || { echo "no such server: ${2:-}" >&2; exit 1; }
        cd "$folder"
        as_user "$programs/pg_ctl" --pgdata "$folder/data" --wait --silent --mode fast stop
        cd /
        rm -rf "$folder"
        ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 1 ;;
esac
