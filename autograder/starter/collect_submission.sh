#!/usr/bin/env bash
# Packs what you hand in into assignment5.zip, or says which file is still missing.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
wanted="vanilla.model.params vanilla.finetune.params synthesizer.finetune.params"
for run in vanilla.nopretrain vanilla.pretrain synthesizer.pretrain; do
  wanted="$wanted $run.dev.predictions $run.test.predictions"
done
for file in $wanted; do
  [ -f "$file" ] || { echo "$file is missing; README.md has the command that makes it" >&2; exit 2; }
done
rm -rf src/__pycache__ assignment5.zip
"$python" -m zipfile -c assignment5.zip src london_baseline.py $wanted
echo "assignment5.zip is ready"
