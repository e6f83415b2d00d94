#!/usr/bin/env bash
# The whole experiment on a small invented world, from nothing, in ten minutes: see quickstart.py.
#   ./quickstart.sh [vanilla|synthesizer|...]        PEOPLE=700 MINUTES=10 in the environment
set -eu
cd "$(dirname "$0")"
for python in "${PYTHON:-}" python3 python; do
  [ -n "$python" ] && command -v "$python" >/dev/null && exec "$python" quickstart.py "$@"
done
echo "error: no Python here; install 3.10 or newer (python.org)" >&2
exit 2
