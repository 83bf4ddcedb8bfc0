#!/bin/sh
# The commands of Dophu on the data of the service, for root:  dophu doctor, dophu register import FILE, …
# deploy/install.sh puts it into /usr/local/sbin/dophu.
umask 077
export DOPHU_CONFIG=/etc/dophu/dophu.toml DOPHU_DATA=/var/lib/dophu DOPHU_KEY_FILE=/etc/dophu/credentials/keys
exec /opt/dophu/.venv/bin/dophu "$@"
