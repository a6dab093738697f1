# Sourced by ./firn and the npm scripts (POSIX sh), with the repository's root as the working directory or in $root.
# firn_bootstrap installs what a fresh clone lacks, says so on standard error, and sets FIRN_NODE.

firn_bootstrap() {
  root=${root:-.}
  FIRN_NODE=$root/node_modules/.bin/node
  if [ ! -f "$root/node_modules/.package-lock.json" ] || [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
    firn_install_packages
  fi
  [ -x "$FIRN_NODE" ] || { . "$root/scripts/find-node.sh" && firn_find_node; }
}

firn_install_packages() {
  command -v npm >/dev/null 2>&1 || {
    echo "firn: npm is missing: install Node.js 20 or newer with npm, then run this again" >&2
    exit 1
  }
  echo "firn: installing packages from npm (once)" >&2
  # Not 'npm ci': it refuses a lock file that lacks the packages of other platforms, and some registries lack those.
  # What the lock file names is installed as it says, hashes included, and nothing is written to it.
  (cd "$root" && npm install --include=dev --include=optional --no-save --no-audit --no-fund --loglevel=error >&2) || {
    echo "firn: 'npm install' failed in $root: see the messages above" >&2
    exit 1
  }
  # npm leaves the stamp alone when nothing changed; the lock file may be newer by a checkout.
  touch "$root/node_modules/.package-lock.json"
  firn_install_programs
}

# Programs that sandboxes and mounts need. Missing ones are not an error here: the command that needs one names it.
firn_install_programs() {
  missing=
  command -v bwrap >/dev/null 2>&1 || missing="$missing bubblewrap"
  command -v fusermount3 >/dev/null 2>&1 || missing="$missing fuse3"
  command -v busybox >/dev/null 2>&1 || missing="$missing busybox-static"
  [ -n "$missing" ] && [ "$(uname -s)" = Linux ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "firn: installing Debian packages:$missing" >&2
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >/dev/null 2>&1 ||
      echo "firn: apt-get could not install:$missing (builds and mounts will ask for them)" >&2
  else
    echo "firn: builds and mounts will need:$missing (install them with your package manager)" >&2
  fi
}
