# For the scripts that run the commands of a document. A server goes on in the background, as in a
# terminal of its own, until it is asked to stop with Ctrl-C.
#
# $target is where cargo builds.

servers=()

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

is_server() {
    case $1 in
        "cargo run -p "*"-server"* | "cargo run -q -p "*"-server"*) return 0 ;;
        *) return 1 ;;
    esac
}

# Starts the server of a command, and waits until it answers.
start_server() {
    local command=${1#cargo run } package
    command=${command#-q }
    package=${command#-p }
    package=${package%% *}
    local build
    read -ra build <<< "${command%% -- *}"
    cargo build --quiet "${build[@]}"
    local arguments=()
    case $command in
        *" -- "*) read -ra arguments <<< "${command#* -- }" ;;
    esac
    # Without `cargo` in between, so that the signal reaches the server.
    "$target/debug/$package" "${arguments[@]}" &
    servers+=($!)
    answers "$(port "$1")" "$!" || { echo "it did not start" >&2; return 1; }
}

# Whether all ended cleanly.
stop_servers() {
    local status=0 pid
    for pid in "${servers[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
    for pid in "${servers[@]}"; do
        wait "$pid" || { echo "a server did not exit cleanly on Ctrl-C" >&2; status=1; }
    done
    servers=()
    return "$status"
}
