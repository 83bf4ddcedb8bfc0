#!/bin/sh
# What the container runs: the tables are made, or brought to this version, and Dophu serves. Any other command is run
# as it is:  podman compose run --rm dophu dophu doctor
set -eu
if [ $# -gt 0 ]; then exec "$@"; fi
dophu init
exec dophu serve --host 0.0.0.0 --port "${DOPHU_PORT:-8080}"
