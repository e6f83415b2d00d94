#!/usr/bin/env bash
# bash autograder/build.sh [--edition 2021] [--data DIR] [--answers FILE] [--out autograder.zip]
# Makes the zip that is uploaded to Gradescope, with the right answers computed from src/.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
python="${PYTHON:-python3}"
edition=2021 data="" answers="" out="$PWD/autograder.zip"
while [ $# -gt 0 ]; do
  [ $# -gt 1 ] || { echo "error: $1 needs a value" >&2; exit 2; }
  case "$1" in
    --edition) edition="$2" ;;
    --data) data="$2" ;;
    --answers) answers="$2" ;;
    --out) out="$2" ;;
    *) echo "error: unknown option $1; see the head of build.sh" >&2; exit 2 ;;
  esac
  shift 2
done
if [ -z "$data" ]; then
  data="$root/data"
  [ -f "$root/data/cs224n/wiki.txt" ] && data="$root/data/cs224n"
fi
settings="$edition"
[ -f "$settings" ] || settings="$here/editions/$edition.json"
for file in "$settings" "$data/wiki.txt" "$data/birth_dev.tsv" "$data/birth_test_inputs.tsv" \
  ${answers:+"$answers"}; do
  [ -f "$file" ] || { echo "error: $file: no such file; see docs/grading.md" >&2; exit 2; }
done

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
cp "$here"/*.py "$here/setup.sh" "$here/run_autograder" "$root/requirements.txt" "$stage"
rm "$stage/make_starter.py"
mkdir "$stage/data" "$stage/checks" "$stage/editions"
cp "$here"/editions/* "$stage/editions"
cp "$here"/checks/*.py "$stage/checks"
(cd "$root" && find src -name '*.py' -exec cp --parents {} "$stage" \;)
cp "$settings" "$stage/edition.json"
cp "$data"/wiki.txt "$data"/birth_dev.tsv "$data"/birth_test_inputs.tsv "$stage/data"
if [ -n "$answers" ]; then
  mkdir "$stage/hidden"
  cp "$answers" "$stage/hidden/birth_test.tsv"
else
  echo "no --answers: the checks of test accuracy will say 'not run'"
fi
chmod +x "$stage/run_autograder" "$stage/setup.sh"
"$python" "$stage/grade.py" --write_reference "$stage/reference.npz"
rm -rf "$stage/__pycache__" "$stage/checks/__pycache__"
"$python" -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", sys.argv[2])' \
  "$stage.part" "$stage"
mv "$stage.part.zip" "$out"
echo "$out"
