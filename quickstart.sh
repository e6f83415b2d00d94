#!/usr/bin/env bash
# The whole experiment on a small invented world, from nothing: a virtual environment, the London
# baseline, finetuning without pretraining, then pretraining, finetuning and answers by two recipes
# in the same time: the course's and the knowledge recipe.
# About ten minutes on two CPU cores. Everything it writes lies in quickstart_out/ and .venv/.
#   ./quickstart.sh [vanilla|synthesizer|...]
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
variant=${1:-vanilla}
people=${PEOPLE:-700}
minutes=${MINUTES:-3.5}
out="$root/quickstart_out"

"$root/install.sh" requirements.txt
python="$root/.venv/bin/python"
mkdir -p "$out"
cd "$out"

step() { printf '\n== %s\n' "$1"; }
run() { "$python" "$root/src/run.py" "$@" --no_log; }
reached() { grep -oE 'Correct: [0-9.]+ out of [0-9.]+: [0-9.]+' "$1" | tail -n 1; }
tune=(--finetune_corpus_path birth_places_train.tsv)
answer() {
  run evaluate "$variant" wiki.txt --reading_params_path "$variant.$1.params" \
    --eval_corpus_path birth_dev.tsv --outputs_path "$variant.$1.dev.predictions" | tee "$1.log"
}
pretrained() {
  step "Pretraining by the $1 recipe, $minutes minutes"
  run pretrain "$variant" wiki.txt --writing_params_path "$variant.$1.pretrain.params" \
    --recipe "$1" "${tune[@]}" --batch_size 64 --max_minutes "$minutes"
  step "Finetuning the pretrained model"
  run finetune "$variant" wiki.txt --reading_params_path "$variant.$1.pretrain.params" \
    --writing_params_path "$variant.$1.params" --recipe "$1" "${tune[@]}"
  answer "$1"
}

step "A world of $people people"
"$python" "$root/data/make_world.py" --people "$people" --out .
step "Answering London every time"
"$python" "$root/london_baseline.py" | tee london.log
step "Finetuning without pretraining"
run finetune "$variant" wiki.txt --writing_params_path "$variant.scratch.params" "${tune[@]}"
answer scratch
pretrained course
pretrained knowledge

step "What each reached on the questions held out ($SECONDS seconds in all)"
printf '%-46s %s\n' "London every time" "$(reached london.log) %"
printf '%-46s %s\n' "$variant, no pretraining" "$(reached scratch.log) %"
printf '%-46s %s\n' "$variant, the course's recipe, $minutes minutes" "$(reached course.log) %"
printf '%-46s %s\n' "$variant, the knowledge recipe, $minutes minutes" "$(reached knowledge.log) %"

step "To ask the last model about anybody"
printf 'cd %q && %q %q wiki.txt --reading_params_path %q --pretrained_params_path %q\n' "$out" \
  "$python" "$root/src/ask.py" "$variant.knowledge.params" "$variant.knowledge.pretrain.params"
