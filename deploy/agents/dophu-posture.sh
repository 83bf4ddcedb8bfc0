#!/bin/sh
# Writes what the GLPI agent does not see of this Linux into a file that the agent takes along: packages that wait, a
# reboot, the password policy. Runs as root once a day (dophu-posture.timer). It only reads. The form of the file is told
# in README.md: what cannot be read is left out, never written as false.
#
#   dophu-posture.sh [FILE]        default: /var/lib/dophu/posture.json
set -u
umask 077
LC_ALL=C
export LC_ALL
file=${1:-/var/lib/dophu/posture.json}

now() { date '+%Y-%m-%dT%H:%M:%S%z' | sed -E 's/([0-9]{2})$/:\1/'; }

fields="" # of "posture", each with a comma before it
add() { fields="$fields, \"$1\": $2"; }
updates="" # rows of "windows_updates", as the list of what waits is called on every system

apt_updates() {
  lists=$(stat -c %Y /var/lib/apt/periodic/update-success-stamp 2>/dev/null ||
    stat -c %Y /var/lib/apt/lists/partial 2>/dev/null) || return
  planned=$(apt-get -s -o Debug::NoLocking=1 dist-upgrade 2>/dev/null) || return
  printf '%s\n' "$planned" | grep -q '^[0-9]* upgraded, ' || return
  # As old as the package lists: what came out since is not in them.
  add updates_searched_at "\"$(date -d "@$lists" '+%Y-%m-%dT%H:%M:%S%z' | sed -E 's/([0-9]{2})$/:\1/')\""
  add updates_pending "$(printf '%s\n' "$planned" | grep -c '^Inst ')"
  add security_updates_pending "$(printf '%s\n' "$planned" | grep '^Inst ' | grep -ci security)"
  updates=$(printf '%s\n' "$planned" | sed -nE 's/^Inst ([a-z0-9][a-z0-9+.:-]*) (\[[^]]*\] )?\(([^ ]+) ([^)]*)\).*/\1 \3 \4/p' |
    head -n 1000 | awk '{ s = (tolower($0) ~ /security/) ? "security" : ""
      gsub(/["\\]/, "", $1); gsub(/["\\]/, "", $2)
      printf "%s{\"kb\": \"%s\", \"title\": \"%s %s\", \"severity\": \"%s\"}", (NR > 1 ? ", " : ""), $1, $1, $2, s }')
}

dnf_updates() {
  tool=$(command -v dnf || command -v yum) || return
  waiting=$("$tool" -q check-update 2>/dev/null)
  case $? in 0 | 100) ;; *) return ;; esac
  add updates_searched_at "\"$(now)\""
  names=$(printf '%s\n' "$waiting" | sed '/^Obsoleting/,$d' | awk 'NF == 3 && $1 ~ /\./ { print $1, $2 }')
  add updates_pending "$(printf '%s' "$names" | grep -c .)"
  if advised=$("$tool" -q updateinfo list --updates security 2>/dev/null); then
    add security_updates_pending "$(printf '%s\n' "$advised" | awk 'NF >= 3 { print $NF }' | sort -u | grep -c .)"
  fi
  updates=$(printf '%s\n' "$names" | head -n 1000 |
    awk 'NF { printf "%s{\"kb\": \"%s\", \"title\": \"%s %s\"}", (n++ ? ", " : ""), $1, $1, $2 }')
}

reboot() {
  if [ -e /run/reboot-required ]; then
    add reboot_needed true
  elif command -v needs-restarting >/dev/null; then
    needs-restarting -r >/dev/null 2>&1
    case $? in 0) add reboot_needed false ;; 1) add reboot_needed true ;; esac
  elif [ -e /etc/kernel/postinst.d/unattended-upgrades ] || [ -e /etc/kernel/postinst.d/update-notifier ]; then
    add reboot_needed false # they would have said so
  fi
}

last_update() {
  if ended=$(zcat -f /var/log/apt/history.log.1.gz /var/log/apt/history.log 2>/dev/null | sed -n 's/^End-Date: //p' | tail -n 1) && [ -n "$ended" ]; then
    day=$(date -d "$ended" '+%Y-%m-%dT%H:%M:%S%z' 2>/dev/null) || return
  elif installed=$(rpm -qa --qf '%{INSTALLTIME}\n' 2>/dev/null | sort -n | tail -n 1) && [ -n "$installed" ]; then
    day=$(date -d "@$installed" '+%Y-%m-%dT%H:%M:%S%z') || return
  else
    return
  fi
  add last_update "\"$(printf '%s' "$day" | sed -E 's/([0-9]{2})$/:\1/')\""
}

password_policy() {
  # pam_pwquality has a policy only where a PAM stack names it; without it length and complexity are not enforced alike.
  grep -qsE '^[^#]*pam_pwquality' /etc/pam.d/common-password /etc/pam.d/system-auth || return
  setting() { sed -nE "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*(-?[0-9]+).*/\1/p" /etc/security/pwquality.conf 2>/dev/null | tail -n 1; }
  length=$(setting minlen)
  add password_length "${length:-8}" # pwquality's own default
  classes=$(setting minclass)
  if [ "${classes:-0}" -ge 3 ]; then add password_complex true; fi
}

if command -v apt-get >/dev/null; then apt_updates; else dnf_updates; fi
reboot
last_update
password_policy

folder=$(dirname "$file")
mkdir -p "$folder" || exit 1
printf '{"content": {"posture": {"checked_at": "%s"%s}%s}}\n' "$(now)" "$fields" \
  "${updates:+, \"windows_updates\": [$updates]}" >"$file.new" && mv -f "$file.new" "$file"
