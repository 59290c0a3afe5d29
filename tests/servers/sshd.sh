#!/bin/sh
# A throw-away OpenSSH server for tests of tunnels: loopback only, public keys only, no shell.
#
#   sshd.sh start DIR PORT TARGET...    forwards to the TARGETs (host:port) and nowhere else
#   sshd.sh stop DIR
#
# DIR/client_key logs in as the user who starts it, DIR/known_hosts has the server's key. Beside
# them lie the keys of strangers: DIR/other_key, DIR/other_hosts.
set -eu

usage() { sed -n '2,8p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1 dir=$2
shift 2

make_keys() {
  mkdir -p "$dir"
  for name in host_key client_key other_key; do
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$dir/$name"
  done
  cp "$dir/client_key.pub" "$dir/authorized_keys"
}

# The name ssh looks up for a port of its own is [host]:port.
known_as() { printf '[127.0.0.1]:%s %s\n' "$1" "$(cut -d' ' -f1,2 "$2.pub")"; }

write_configuration() {
  port=$1
  shift
  known_as "$port" "$dir/host_key" >"$dir/known_hosts"
  known_as "$port" "$dir/other_key" >"$dir/other_hosts"
  cat >"$dir/sshd_config" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $dir/host_key
PidFile $dir/pid
AuthorizedKeysFile $dir/authorized_keys
AuthenticationMethods publickey
StrictModes no
UsePAM no
PermitTTY no
PermitRootLogin prohibit-password
PermitOpen $*
ForceCommand /bin/false
LogLevel VERBOSE
CONF
}

start() {
  [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
  [ -d "$dir" ] || make_keys
  write_configuration "$@"
  /usr/sbin/sshd -f "$dir/sshd_config" -E "$dir/log"
  for _ in $(seq 100); do
    [ ! -s "$dir/pid" ] || return 0
    sleep 0.05
  done
  cat "$dir/log" >&2
  return 1
}

case $command in
  start)
    [ $# -ge 2 ] || usage
    start "$@"
    ;;
  stop) kill "$(cat "$dir/pid")" ;;
  *) usage ;;
esac
