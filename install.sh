#!/usr/bin/env bash
# Makes .venv/ (once) and installs the given requirements file in it. Needs Python 3.10 or newer.
set -euo pipefail
cd "$(dirname "$0")"
for python in "${PYTHON:-}" python3 python; do
  [ -n "$python" ] && command -v "$python" >/dev/null && break
done
command -v "$python" >/dev/null || { echo "error: no Python here; install 3.10 or newer" >&2; exit 2; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
  echo "error: $python is older than Python 3.10; install a newer one, or name it: PYTHON=... $0" >&2
  exit 2
}
if [ ! -x .venv/bin/python ] && ! "$python" -m venv .venv; then
  rm -rf .venv
  echo "error: $python cannot make a virtual environment; install its venv module" >&2
  exit 2
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
