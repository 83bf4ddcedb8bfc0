#!/bin/sh
# Makes the secrets that compose.yaml mounts, where they are not there yet:  deploy/compose/make-secrets.sh [FOLDER]
# The folder is for its owner alone; the files are readable, for each container reads them as a user of its own.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in api_token grafana_password netbox_database_password netbox_secret_key netbox_pepper; do
  [ -s "$folder/$name" ] || head -c 48 /dev/urandom | base64 | tr -d '/+=\n' > "$folder/$name"
  chmod 444 "$folder/$name"
done
