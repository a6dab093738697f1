# Sourced by ./firn and the npm scripts (POSIX sh), with the repository's root as the working directory or in $firn_root.
# firn_bootstrap installs what a fresh clone lacks, says so on standard error, and sets FIRN_NODE.

firn_bootstrap() {
  firn_root=${firn_root:-.}
  FIRN_NODE=$firn_root/node_modules/.bin/node
  if firn_lacks_packages; then
    firn_lock_install
    # Whoever held the lock may have done it.
    if firn_lacks_packages; then firn_install_packages; fi
    rm -rf "$firn_root/.cache/installing"
    trap - INT TERM HUP EXIT
  fi
  [ -x "$FIRN_NODE" ] || { . "$firn_root/scripts/find-node.sh" && firn_find_node; }
}

firn_lacks_packages() {
  [ ! -f "$firn_root/node_modules/.package-lock.json" ] ||
    [ "$firn_root/package-lock.json" -nt "$firn_root/node_modules/.package-lock.json" ]
}

# One process installs, others wait for it: two of npm in one folder spoil each other's work. The lock is a folder that
# names its holder; one whose holder is gone, or who has not named itself within 10 seconds, is taken away.
firn_lock_install() {
  mkdir -p "$firn_root/.cache" || exit 1
  [ -w "$firn_root/.cache" ] || {
    echo "firn: packages are to be installed in $firn_root, which you cannot write to: let its owner run $firn_root/firn once" >&2
    exit 1
  }
  firn_tries=0
  until mkdir "$firn_root/.cache/installing" 2>/dev/null; do
    if [ -s "$firn_root/.cache/installing/pid" ]; then
      kill -0 "$(cat "$firn_root/.cache/installing/pid" 2>/dev/null)" 2>/dev/null || firn_tries=10
    fi
    if [ "$firn_tries" -ge 10 ]; then
      rm -rf "$firn_root/.cache/installing"
      firn_tries=0
      continue
    fi
    sleep 1
    [ -s "$firn_root/.cache/installing/pid" ] || firn_tries=$((firn_tries + 1))
  done
  trap 'rm -rf "$firn_root/.cache/installing"' EXIT
  trap 'exit 130' INT TERM HUP
  echo "$$" >"$firn_root/.cache/installing/pid"
}

firn_install_packages() {
  command -v npm >/dev/null 2>&1 || {
    echo "firn: npm is missing: install Node.js 20 or newer with npm, then run this again" >&2
    exit 1
  }
  echo "firn: installing packages from npm (once)" >&2
  # Not 'npm ci': it refuses a lock file that lacks the packages of other platforms, and some registries lack those.
  # What the lock file names is installed as it says, hashes included, and nothing is written to it.
  (cd "$firn_root" && npm install --include=dev --include=optional --no-save --no-audit --no-fund --loglevel=error >&2) || {
    echo "firn: 'npm install' failed in $firn_root: see the messages above" >&2
    exit 1
  }
  # npm leaves the stamp alone when nothing changed; the lock file may be newer by a checkout.
  touch "$firn_root/node_modules/.package-lock.json"
  firn_install_programs
}

# Programs that sandboxes, mounts and compressed NARs need. Missing ones are not an error here: the command that needs one
# names it.
firn_install_programs() {
  firn_install_debian bwrap:bubblewrap fusermount3:fuse3 busybox:busybox-static xz:xz-utils bzip2:bzip2
}

# Programs that only the tests need.
firn_install_test_programs() {
  firn_install_debian openssl:openssl lz4:lz4
}

# PROGRAM:PACKAGE...: installs the packages of those programs that are missing, as root where there is apt; names them otherwise.
firn_install_debian() {
  firn_missing=
  for firn_pair in "$@"; do
    command -v "${firn_pair%%:*}" >/dev/null 2>&1 || firn_missing="$firn_missing ${firn_pair#*:}"
  done
  [ -n "$firn_missing" ] && [ "$(uname -s)" = Linux ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "firn: installing Debian packages:$firn_missing" >&2
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $firn_missing; } >/dev/null 2>&1 ||
      echo "firn: apt-get could not install:$firn_missing (what needs them will ask for them)" >&2
  else
    echo "firn: some commands will need:$firn_missing (install them with your package manager)" >&2
  fi
}
