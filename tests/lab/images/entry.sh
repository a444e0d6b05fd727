#!/bin/sh
# Make the container a machine: a cgroup v2 tree of its own, a writable /proc/sys/net for the engine inside, the outer
# machine's name servers (an engine passes these on to its containers; a loopback one it cannot), then systemd.
set -e
if [ "$(stat --file-system --format %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount --recursive /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
fi
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
if [ -n "$LAB_NAMESERVERS" ]; then
  for server in $LAB_NAMESERVERS; do echo "nameserver $server"; done >/etc/resolv.conf
fi
if [ -n "$LAB_IPV6_ONLY" ]; then ip -4 address flush dev eth0; fi
if [ -n "$LAB_ADDRESSES" ]; then
  # shellcheck disable=SC2086  # one word for each address
  /usr/local/lib/lab-internet/addresses $LAB_ADDRESSES
fi
exec /sbin/init
