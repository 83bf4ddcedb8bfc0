#!/bin/sh
# Tells Dophu how a backup went: the last line of any backup script on Linux or BSD. Needs curl.
#
#   dophu-backup.sh --job db --ok yes --file /backup/db.dump      after a backup: its size is the file's
#   dophu-backup.sh --job db --ok no --why "disk full"            after one that failed
#   dophu-backup.sh --job db --restore-tested 2026-11-20          after somebody restored from it, to see that it works
#   dophu-backup.sh --job db --ended                              when there is no such job any more
#
# --system NAME says whose it is (the machine's own name where it is absent), --agency CODE of which agency.
# /etc/dophu/backup.conf holds DOPHU_URL=https://dophu.example.vn and DOPHU_TOKEN=…, readable by root only; the token
# comes from: dophu token add --facts --note NAME. It is never an argument of a command, where others would see it.
set -eu

config=${DOPHU_BACKUP_CONF:-/etc/dophu/backup.conf}
# shellcheck disable=SC1090
. "$config"

escape() {
    printf '%s' "$1" | tr -d '\000-\037' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'
}

system=$(uname -n) job='*' fields='' finished=''
while [ $# -gt 0 ]; do
    case $1 in
        --ended) fields="$fields,\"ended\":true"; shift; continue ;;
    esac
    [ $# -ge 2 ] || { echo "dophu-backup.sh: $1: expected a value" >&2; exit 2; }
    case $1 in
        --system) system=$2 ;;
        --job) job=$2 ;;
        --agency) fields="$fields,\"agency\":\"$(escape "$2")\"" ;;
        --why) fields="$fields,\"why\":\"$(escape "$2")\"" ;;
        --finished) finished=$2 ;;
        --restore-tested) fields="$fields,\"restore_tested\":\"$(escape "$2")\"" ;;
        --file) fields="$fields,\"size\":$(wc -c <"$2" | tr -d ' ')" ;;
        --ok)
            case $2 in
                yes) ok=true ;;
                no) ok=false ;;
                *) echo "dophu-backup.sh: --ok: found $2, expected yes or no" >&2; exit 2 ;;
            esac
            fields="$fields,\"ok\":$ok" finished=${finished:-$(date -u +%Y-%m-%dT%H:%M:%SZ)} ;;
        *) echo "dophu-backup.sh: found $1, expected one of the options in its first lines" >&2; exit 2 ;;
    esac
    shift 2
done
[ -z "$finished" ] || fields="$fields,\"finished\":\"$(escape "$finished")\""

body="{\"backups\":[{\"system\":\"$(escape "$system")\",\"job\":\"$(escape "$job")\"$fields}]}"
printf 'header = "Authorization: Bearer %s"\n' "$DOPHU_TOKEN" |
    curl --silent --show-error --fail-with-body --max-time 60 --retry 5 --retry-connrefused --config - \
        --header 'Content-Type: application/json' --data-binary "$body" "$DOPHU_URL/api/v1/backups"
echo
