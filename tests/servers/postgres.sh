#!/bin/sh
# A throw-away PostgreSQL 15 for tests: TLS with a certificate of its own, loopback only; passwords
# are SCRAM, and MD5 for a role whose password was stored so.
#
#   postgres.sh start DIR PORT    makes the cluster on first use; returns when it answers
#   postgres.sh stop DIR [immediate]    `immediate`: what it holds is thrown away
#
# Superuser `millrace_admin` and read-only role `reader`, both with password `secret`; database
# `shop`. DIR/server.crt is the certificate (for localhost and 127.0.0.1) and its own authority:
# pass it as sslrootcert. DIR/other.crt is that of a stranger, db.example.com. Unix socket in DIR.
# As root, the server runs as user `postgres`.
set -eu

usage() { sed -n '2,12p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1 dir=$2 port=${3:-}
bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}

as_server() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$dir" "$@"
  else
    "$@"
  fi
}

make_certificate() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$2" \
    -addext "subjectAltName=$3" -keyout "$dir/$1.key" -out "$dir/$1.crt" 2>/dev/null
  chmod 600 "$dir/$1.key"
}

make_cluster() {
  mkdir -p "$dir"
  make_certificate server localhost DNS:localhost,IP:127.0.0.1
  make_certificate other db.example.com DNS:db.example.com
  [ "$(id -u)" != 0 ] || chown -R postgres:postgres "$dir"
  echo secret >"$dir/password"
  as_server "$bin/initdb" -D "$dir/data" -U millrace_admin -A md5 \
    --pwfile="$dir/password" -E UTF8 --locale=C.UTF-8 >"$dir/initdb.log" 2>&1
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
ssl = on
ssl_cert_file = '$dir/server.crt'
ssl_key_file = '$dir/server.key'
fsync = off
full_page_writes = off
shared_buffers = '256MB'
max_wal_size = '4GB'
track_commit_timestamp = off
logging_collector = off
log_timezone = 'UTC'
timezone = 'UTC'
CONF
}

make_database() {
  PGPASSWORD=secret "$bin/psql" -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" \
    -U millrace_admin -d postgres <<'SQL'
create role reader login password 'secret';
create database shop;
grant pg_read_all_data to reader;
SQL
}

case $command in
  start)
    [ -n "$port" ] || usage
    fresh=no
    if [ ! -d "$dir/data" ]; then
      fresh=yes
      make_cluster
    fi
    as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -o "-p $port" -w start \
      >/dev/null || { tail -n 20 "$dir/server.log" >&2; exit 1; }
    [ "$fresh" = no ] || make_database
    ;;
  stop) as_server "$bin/pg_ctl" -D "$dir/data" -m "${3:-fast}" -w stop >/dev/null ;;
  *) usage ;;
esac
