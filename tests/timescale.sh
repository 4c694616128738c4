#!/usr/bin/env bash
# A real TimescaleDB for the tests: `tests/timescale.sh up` prints its URL, `down` stops it and deletes its data.
# `up 2` starts two servers on one installation and prints both URLs: roles belong to a server, so each worker has its own.
# Debian 12 has no package of it, Debian 13 has (the Apache edition: hypertables), so it runs in a Debian 13 of its own,
# 800 MB in .millrace/timescale, made once in about a minute. Needs Debian or Ubuntu, root, and debootstrap.
# Anybody else sets MILLRACE_TEST_WAREHOUSE_URL to a server that has it.
set -euo pipefail
cd "$(dirname "$0")/.."
HOME_DIR=$PWD/.millrace/timescale
ROOT=$HOME_DIR/root
PORT=${MILLRACE_TEST_TIMESCALE_PORT:-15433}
BIN=/usr/lib/postgresql/17/bin
DATA=/var/lib/postgresql/millrace

fail() { echo "millrace: $*" >&2; exit 1; }
inside() { chroot "$ROOT" "$@"; }
as_postgres() { inside runuser -u postgres -- "$@"; }

install() {
    command -v debootstrap >/dev/null || { apt-get update && apt-get install -y debootstrap; } >"$HOME_DIR/log" 2>&1 \
        || fail "no debootstrap here: apt install debootstrap, or set MILLRACE_TEST_WAREHOUSE_URL"
    echo "Making a Debian 13 with TimescaleDB in $ROOT (once)" >&2
    rm -rf "$ROOT"
    {
        debootstrap --variant=minbase trixie "$ROOT"
        # Nothing is to start while it is installed.
        printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
        chmod +x "$ROOT/usr/sbin/policy-rc.d"
        inside apt-get update
        DEBIAN_FRONTEND=noninteractive inside apt-get install -y --no-install-recommends postgresql-17 postgresql-17-timescaledb
        inside apt-get clean
    } >>"$HOME_DIR/log" 2>&1 || fail "it cannot be installed; $HOME_DIR/log says why"
    touch "$ROOT/.installed"
}

start() {
    local port=$1 data=$DATA-$1
    if ! as_postgres $BIN/pg_ctl -D "$data" status >/dev/null 2>&1; then
        rm -rf "${ROOT:?}$data"
        as_postgres $BIN/initdb -D "$data" --auth trust --encoding UTF8 --locale C.UTF-8 >>"$HOME_DIR/log" 2>&1 \
            || fail "it cannot be made; $HOME_DIR/log says why"
        # Tests' data need not outlive the machine; fsync is most of what a test costs.
        cat >>"$ROOT$data/postgresql.conf" <<END
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
max_locks_per_transaction = 256
fsync = off
synchronous_commit = off
full_page_writes = off
END
        as_postgres $BIN/pg_ctl -D "$data" -l "$data/log" -w -t 60 start </dev/null >>"$HOME_DIR/log" 2>&1 \
            || fail "it does not start: is port $port taken? $ROOT$data/log says more"
    fi
}

up() {
    test "$(id -u)" = 0 || fail "making a system of its own needs root: sudo make timescale-up, or set MILLRACE_TEST_WAREHOUSE_URL"
    mkdir -p "$HOME_DIR"
    test -e "$ROOT/.installed" || install
    local port urls=()
    for ((port = PORT; port < PORT + ${1:-1}; port++)); do
        start "$port"
        urls+=("postgresql+psycopg://postgres@127.0.0.1:$port/postgres")
    done
    echo "${urls[*]}"
}

down() {
    test -e "$ROOT/.installed" || return 0
    local data
    for data in "$ROOT$DATA"-*; do
        as_postgres $BIN/pg_ctl -D "${data#"$ROOT"}" -m immediate -w stop >/dev/null 2>&1 || true
        rm -rf "${data:?}"
    done
}

case ${1:-} in
    up | down) "$@" ;;
    *) fail "say: tests/timescale.sh up [servers] | down" ;;
esac
