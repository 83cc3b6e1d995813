#!/usr/bin/env bash
# Keeps dated copies of folders and removes the ones that are too old.
set -euo pipefail

readonly KEEP_DAYS="${KEEP_DAYS:-14}"
TARGET=${1:-}
declare -A COUNTS=()

log() {
  printf '%s %s\n' "$(date +%FT%T)" "$*" >&2
}

die() {
  log "error: $*"
  exit 1
}

# Prints how to call this script.
function usage {
  cat <<TEXT
usage: backup.sh TARGET FOLDER...

Copies each FOLDER into TARGET and keeps ${KEEP_DAYS} days.
fake() { this is text, not a function }
TEXT
}

function check_tools() {
  local tool
  for tool in rsync find; do
    command -v "$tool" >/dev/null || die "$tool is missing"
  done
}

stamp() (
  TZ=UTC date +%Y-%m-%d
)

copy_folder() {
  local folder=$1 name
  name=$(basename "$folder")
  local place="$TARGET/$name/$(stamp)"

  if [[ -d $place ]]; then
    log "already copied: $name"
    return 0
  fi

  on_exit() {
    [[ -n ${place:-} ]] && rm -rf "$place.partial"
  }
  trap on_exit EXIT

  mkdir -p "$place.partial"
  rsync -a --delete "$folder/" "$place.partial/"
  mv "$place.partial" "$place"
  COUNTS[$name]=$((${COUNTS[$name]:-0} + 1))
}

remove_old() {
  local name=$1
  find "$TARGET/$name" -mindepth 1 -maxdepth 1 -type d -mtime "+$KEEP_DAYS" -print0 |
    while IFS= read -r -d '' old; do
      log "removing $old"
      rm -rf -- "$old"
    done
}

report() {
  local name
  for name in "${!COUNTS[@]}"; do
    printf '%-20s %d\n' "$name" "${COUNTS[$name]}"
  done | sort
}

restore::latest() {
  local name=$1 into=$2
  local latest
  latest=$(ls -1 "$TARGET/$name" | tail -n 1)
  case $latest in
    "") die "nothing to restore for $name" ;;
    *.partial) die "the last copy is incomplete" ;;
    *) rsync -a "$TARGET/$name/$latest/" "$into/" ;;
  esac
}

run_tests() {
  local folder
  folder=$(mktemp -d)
  TARGET="$folder/target"
  mkdir -p "$folder/source"
  echo "kept" > "$folder/source/file"
  copy_folder "$folder/source"
  [[ $(report) == source* ]] || die "the copy was not counted"
  rm -rf "$folder"
}

main() {
  [[ $# -ge 2 ]] || { usage; exit 2; }
  shift
  check_tools
  for folder in "$@"; do
    copy_folder "$folder"
    remove_old "$(basename "$folder")"
  done
  report
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
