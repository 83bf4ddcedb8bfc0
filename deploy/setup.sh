#!/usr/bin/env bash
# Sets up all that a make target needs, on Debian 12+ or Ubuntu 24.04+:  deploy/setup.sh lint|demo|test|bench
#
# Missing Debian packages are installed when root or sudo can be had, otherwise the line to run is printed. Nothing that
# is installed here starts a service, now or at the next boot. Then .venv is made from uv.lock with a uv of its own in
# .tools. Run again, it finds everything there and is done in well under a second.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
UV_VERSION=0.13.9

# What each target needs: a Debian package and the file or command that shows that it is there, whatever its version.
LINT=(python3-venv:python-venv)
DEMO=("${LINT[@]}" nmap:nmap snmpd:snmpd snmp:snmpget lldpd:lldpd nftables:nft iproute2:ip openssh-server:sshd
  openssh-client:ssh-keygen tcpdump:tcpdump iputils-ping:ping util-linux:unshare)
TEST=("${DEMO[@]}" curl:curl 'postgresql:/usr/lib/postgresql/*/bin/initdb' prometheus:promtool
  prometheus-alertmanager:prometheus-alertmanager nginx-light:nginx sip-tester:sipp
  fonts-dejavu-core:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf)
# These are not in every release; without them the demo and the tests leave something out and say so.
DEMO_WISHES=(fusioninventory-agent:fusioninventory-agent)
TEST_WISHES=("${DEMO_WISHES[@]}" chromium:chromium prometheus-node-exporter:prometheus-node-exporter
  prometheus-snmp-exporter:prometheus-snmp-exporter prometheus-blackbox-exporter:prometheus-blackbox-exporter
  redis-server:redis-server victoria-metrics:victoria-metrics
  libreoffice-writer-nogui:/usr/lib/libreoffice/program/libswlo.so
  libreoffice-calc-nogui:/usr/lib/libreoffice/program/libsclo.so poppler-utils:pdftoppm)
# The peers that the benchmarks stand beside.
BENCH_WISHES=(snmp:snmpbulkwalk prometheus-snmp-exporter:prometheus-snmp-exporter nginx-light:nginx
  redis-server:redis-server prometheus-blackbox-exporter:prometheus-blackbox-exporter
  victoria-metrics:victoria-metrics)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

find_python() { # the first Python that is new enough and can make an environment
  local name
  for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    command -v "$name" >/dev/null || continue
    "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    command -v "$name"
    return
  done
  return 1
}

there() { # whether what shows the package is there
  case $1 in
    python-venv) find_python >/dev/null ;;
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing() { # the packages of these PACKAGE:WITNESS pairs that are not there
  local pair
  for pair; do there "${pair#*:}" || printf '%s ' "${pair%%:*}"; done
}

has_candidate() { [[ $(apt-cache policy "$1" 2>/dev/null) == *"Candidate: "[!\(]* ]]; }

# --- packages that start nothing -------------------------------------------------------------------------------------

POLICY=/usr/sbin/policy-rc.d
ASIDE=$POLICY.before-dophu-setup
MARK='# made by the set-up of Dophu while it installs packages'

forbid_starts() { # Debian's own switch: invoke-rc.d asks this file before it starts anything
  if [ -e "$POLICY" ] && ! grep -qs "$MARK" "$POLICY"; then $AS_ROOT mv "$POLICY" "$ASIDE"; fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" | $AS_ROOT tee "$POLICY" >/dev/null
  $AS_ROOT chmod 755 "$POLICY"
}

allow_starts() { # back to what it was, also after a set-up that was killed
  grep -qs "$MARK" "$POLICY" || return 0
  $AS_ROOT rm -f "$POLICY"
  if [ -e "$ASIDE" ]; then $AS_ROOT mv "$ASIDE" "$POLICY"; fi
}

disable_units() { # of packages that came just now, so that they do not start at the next boot either
  command -v systemctl >/dev/null || return 0
  local units
  units=$(dpkg -L "$@" 2>/dev/null | sed -nE 's#^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer))$#\2#p' | sort -u)
  for unit in $units; do $AS_ROOT systemctl disable --quiet "$unit" 2>/dev/null || true; done
}

apt_install() {
  $AS_ROOT env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

install_packages() {
  local before after arrived
  before=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p' | sort)
  trap allow_starts EXIT
  trap 'exit 130' INT TERM HUP
  forbid_starts
  say "installing $*"
  if ! apt_install "$@"; then # a list of packages may be too old for the archive
    $AS_ROOT apt-get update -q >&2
    apt_install "$@"
  fi
  after=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p' | sort)
  arrived=$(comm -13 <(printf '%s\n' "$before") <(printf '%s\n' "$after"))
  # shellcheck disable=SC2086
  disable_units $arrived
  allow_starts
  trap - EXIT INT TERM HUP
}

can_become_root() { # sets AS_ROOT
  AS_ROOT=
  [ "$(id -u)" -ne 0 ] || return 0
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then AS_ROOT=sudo; return 0; fi
  return 1
}

become_root() { # or end with the line to run
  can_become_root || fail "packages are missing and this is neither root nor sudo. Run: apt-get update && apt-get install -y --no-install-recommends $*"
}

set_up_packages() { # the needs as "PACKAGE PACKAGE", the wishes likewise
  local needs=$1 wishes=$2 wish wanted=
  [ -n "$needs$wishes" ] || return 0
  if ! command -v apt-get >/dev/null; then
    [ -z "$needs" ] || fail "this is no Debian or Ubuntu; install what these Debian packages hold: $needs"
    say "not here: $wishes(what needs them is left out)"
    return 0
  fi
  if [ -n "$needs" ]; then
    # shellcheck disable=SC2086
    become_root $needs $wishes
    for wish in $needs; do
      if ! has_candidate "$wish"; then $AS_ROOT apt-get update -q >&2; break; fi
    done
  fi
  for wish in $wishes; do
    if has_candidate "$wish"; then wanted+="$wish "; else say "no package $wish in this release; what needs it is left out"; fi
  done
  [ -n "$needs$wanted" ] || return 0
  # shellcheck disable=SC2086
  become_root $needs $wanted
  # shellcheck disable=SC2086
  install_packages $needs $wanted
}

# --- Python ----------------------------------------------------------------------------------------------------------

set_up_peers() { # wishes without which only a column is empty: nothing ends because they cannot be had
  local peers=$1
  [ -n "$peers" ] || return 0
  # shellcheck disable=SC2086
  if ! can_become_root; then
    say "not here, and this is neither root nor sudo: $peers(what needs them is left out)"
  elif ! (set_up_packages "" "$peers"); then
    say "could not be installed: $peers(what needs them is left out)"
  fi
}

set_up_python() {
  local python
  python=$(find_python) || fail "Python 3.11 or newer with venv is needed (Debian 12, Ubuntu 24.04 or newer have it)"
  # A tool of another version, or one whose Python is gone, is made anew.
  if [ "$(.tools/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
    say "making .tools with uv $UV_VERSION"
    rm -rf .tools
    "$python" -m venv .tools
    .tools/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
  fi
  # Where Python may write no bytecode of its own, every command would compile its libraries anew: a second or two.
  local compile=""
  compgen -G ".venv/lib/python*/site-packages/sqlalchemy/__pycache__/*.pyc" >/dev/null || compile=--compile-bytecode
  # shellcheck disable=SC2086
  UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv \
    .tools/bin/uv sync --quiet --frozen $compile --python "$python"
}

case ${1-} in
  lint) set_up_packages "$(missing "${LINT[@]}")" "" ;;
  demo) set_up_packages "$(missing "${DEMO[@]}")" "$(missing "${DEMO_WISHES[@]}")" ;;
  test) set_up_packages "$(missing "${TEST[@]}")" "$(missing "${TEST_WISHES[@]}")" ;;
  bench) set_up_packages "$(missing "${LINT[@]}")" ""; set_up_peers "$(missing "${BENCH_WISHES[@]}")" ;;
  *) fail "usage: deploy/setup.sh lint|demo|test|bench" ;;
esac
set_up_python
