#!/usr/bin/env bash
# Installs Dophu as a service, or a newer version over it:  deploy/install.sh [--root FOLDER]
#
#   /opt/dophu                 the program and its own Python environment
#   /etc/dophu                 dophu.toml; credentials/ (the API's token and the key ring, for root alone)
#   /var/lib/dophu             the database (StateDirectory of the service)
#   /etc/systemd/system        dophu.service, dophu.socket
#   /usr/local/sbin/dophu      the commands on the data of the service, for root
#
# Nothing is started and nothing that is there in /etc/dophu or /var/lib/dophu is changed; what is left to do is printed.
# --root puts all of it below another folder, for a package or a look: no user is made and no environment then.
#
# To remove it: systemctl disable --now dophu.socket dophu.service; rm -r /opt/dophu /usr/local/sbin/dophu
# /etc/systemd/system/dophu.{service,socket}; systemctl daemon-reload; userdel dophu. What was measured stays in /var/lib/dophu and /etc/dophu until you remove them:
# take a backup first (dophu backup FILE --with-key), for both together are the evidence of every figure.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=
if [ "${1-}" = --root ]; then ROOT=${2:?--root FOLDER}; elif [ $# -gt 0 ]; then sed -n '2,4p' "$0" >&2; exit 2; fi
if [ -z "$ROOT" ] && [ "$(id -u)" -ne 0 ]; then echo "install: run it as root, or with --root FOLDER" >&2; exit 1; fi

install -d -m 755 "$ROOT/opt/dophu" "$ROOT/etc/dophu" "$ROOT/etc/systemd/system" "$ROOT/usr/local/sbin"
install -d -m 700 "$ROOT/etc/dophu/credentials"
for part in api collectors dashboards deploy docs exporters goals inventory; do
  # Anew, so that a file that a version no longer has does not stay.
  rm -rf "$ROOT/opt/dophu/$part"
  cp -R --no-preserve=ownership "$part" "$ROOT/opt/dophu/$part"
done
find "$ROOT/opt/dophu" -name __pycache__ -type d -prune -exec rm -rf {} +
install -m 644 LICENSE README.md pyproject.toml uv.lock "$ROOT/opt/dophu/"
install -m 644 deploy/systemd/dophu.service deploy/systemd/dophu.socket "$ROOT/etc/systemd/system/"
install -m 755 deploy/systemd/dophu.sh "$ROOT/usr/local/sbin/dophu"
if [ ! -e "$ROOT/etc/dophu/dophu.toml" ]; then install -m 644 deploy/systemd/dophu.toml "$ROOT/etc/dophu/dophu.toml"; fi
if [ -n "$ROOT" ]; then exit 0; fi

getent passwd dophu >/dev/null || useradd --system --home-dir /var/lib/dophu --shell /usr/sbin/nologin dophu
(
  cd /opt/dophu
  umask 022
  [ -x .tools/bin/uv ] || { python3 -m venv .tools && .tools/bin/pip install --quiet uv; }
  UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv .tools/bin/uv sync --quiet --frozen --no-dev --compile-bytecode
)
systemctl daemon-reload
cat <<'NEXT'
install: /opt/dophu is ready. The first time:
  (umask 077; openssl rand -hex 32 > /etc/dophu/credentials/api_token)
  new=$(mktemp -d) && /opt/dophu/.venv/bin/dophu --data "$new" init &&
    install -m 600 "$new/keys" /etc/dophu/credentials/keys && rm -r "$new"      # keep a copy of the key ring elsewhere
  systemctl enable --now dophu
  dophu doctor                       # /usr/local/sbin/dophu: the commands on the data of the service
A newer version over an old one: deploy/UPGRADE.md
NEXT
