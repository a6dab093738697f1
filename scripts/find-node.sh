# Sourced (POSIX sh). npm has no pinned Node for this platform: a system Node of the same major version does.

firn_find_node() {
  FIRN_NODE=$(command -v node || true)
  firn_major=$("${FIRN_NODE:-false}" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  [ "$firn_major" -ge 26 ] || {
    echo "firn: no pinned Node for $(uname -s) $(uname -m), and no node 26 or newer on PATH" >&2
    exit 1
  }
}
