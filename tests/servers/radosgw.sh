#!/bin/bash
# A throw-away S3 server for tests: Ceph's radosgw over one monitor and one in-memory OSD, loopback
# only, in a few seconds.
#
#   radosgw.sh start DIR PORT    returns when S3 answers on http://127.0.0.1:PORT (path style)
#   radosgw.sh stop DIR
#
# Access key `millrace`, secret key `millrace-secret`; it checks signatures. The monitor's ports are
# fixed (3300, 6789), so there is one such server at a time: start waits until another stops.
# DIR must be short: socket paths hold some hundred characters.
set -euo pipefail

usage() {
  sed -n '2,10p' "$0" >&2
  exit 2
}
[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m "$2")
port=${3:-}
lock=${TMPDIR:-/tmp}/millrace-radosgw.lock

write_configuration() {
  mkdir -p "$dir"/{mon,osd.0,log,pid}
  cat > "$dir/ceph.conf" << CONF
[global]
fsid = $(< "$dir/fsid")
mon host = 127.0.0.1
mon initial members = a
public network = 127.0.0.0/8
public bind addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $dir/keyring
run dir = $dir
log file = $dir/log/\$name.log
pid file = $dir/pid/\$name.pid
admin socket = $dir/\$name.asok
mon data = $dir/mon
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
# A monitor gathers changes for a second before it decides; starting makes a dozen of them.
paxos propose interval = 0.05
paxos min wait = 0.01
osd data = $dir/osd.\$id
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
[mon.a]
host = localhost
[osd.0]
host = localhost
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = localhost
rgw enable usage log = false
rgw s3 auth use sts = true
rgw sts key = abcdefghijklmnop
CONF
}

make_keys() {
  local one
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
  for one in "client.admin mgr" "osd.0 mgr"; do
    # shellcheck disable=SC2086
    set -- $one
    ceph-authtool "$dir/keyring" --gen-key -n "$1" --cap mon 'allow *' --cap osd 'allow *' \
      --cap "$2" 'allow *'
  done
  ceph-authtool "$dir/keyring" --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx'
}

start_monitor() {
  monmaptool --create --fsid "$(< "$dir/fsid")" --add a 127.0.0.1 "$dir/monmap"
  ceph-mon -c "$dir/ceph.conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
  ceph-mon -c "$dir/ceph.conf" -i a
  timeout 60 ceph mon enable-msgr2
}

start_osd() {
  local uuid
  uuid=$(< /proc/sys/kernel/random/uuid)
  ceph osd new "$uuid" 0
  ceph osd crush add-bucket localhost host
  ceph osd crush move localhost root=default
  ceph osd crush add osd.0 1.0 root=default host=localhost
  ceph-osd -c "$dir/ceph.conf" -i 0 --mkfs --osd-uuid "$uuid"
  ceph-osd -c "$dir/ceph.conf" -i 0
}

start_gateway() {
  radosgw -c "$dir/ceph.conf" -n client.rgw.a
  timeout 60 radosgw-admin user create --uid=millrace --display-name=millrace \
    --access-key=millrace --secret-key=millrace-secret --caps='user-policy=*'
  for _ in $(seq 100); do
    ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || return 0
    sleep 0.1
  done
  echo "radosgw does not answer on port $port" >&2
  return 1
}

start() {
  rm -rf "$dir"
  mkdir -p "$dir"
  cp /proc/sys/kernel/random/uuid "$dir/fsid"
  export CEPH_ARGS="-c $dir/ceph.conf"
  write_configuration
  {
    make_keys
    start_monitor
    start_osd
    start_gateway
  } > "$dir/start.log" 2>&1
}

# What it holds is thrown away, so nothing is gained by letting it end in its own time; whoever
# starts the next one waits for the lock.
stop() {
  local name
  for name in client.rgw.a osd.0 mon.a; do
    [ ! -f "$dir/pid/$name.pid" ] || kill -9 "$(< "$dir/pid/$name.pid")" 2> /dev/null || true
  done
}

case $command in
  start)
    [ -n "$port" ] || usage
    exec 9> "$lock"
    flock -w 300 9 || { echo "another radosgw of tests keeps running" >&2; exit 1; }
    # The servers inherit the lock and hold it as long as they live.
    trap '[ $? = 0 ] || { tail -n 20 "$dir/start.log" >&2; stop; }' EXIT
    start
    ;;
  stop) stop ;;
  *) usage ;;
esac
