#!/usr/bin/env bash
# The whole experiment on a small invented world, from nothing: a virtual environment, the London
# baseline, finetuning without pretraining, pretraining, finetuning, answers, and what each reached.
# About ten minutes on two CPU cores. Everything it writes lies in quickstart_out/ and .venv/.
#   ./quickstart.sh [vanilla|synthesizer|...]
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
variant=${1:-vanilla}
people=${PEOPLE:-700}
epochs=${EPOCHS:-80}
out="$root/quickstart_out"

"$root/install.sh" requirements.txt
python="$root/.venv/bin/python"
mkdir -p "$out"
cd "$out"

step() { printf '\n== %s\n' "$1"; }
run() { "$python" "$root/src/run.py" "$@" --no_log; }
reached() { grep -oE 'Correct: [0-9.]+ out of [0-9.]+: [0-9.]+' "$1" | tail -n 1; }
tune=(--finetune_corpus_path birth_places_train.tsv)
ask=(--eval_corpus_path birth_dev.tsv)

step "A world of $people people"
"$python" "$root/data/make_world.py" --people "$people" --out .
step "Answering London every time"
"$python" "$root/london_baseline.py" | tee london.log
step "Finetuning without pretraining"
run finetune "$variant" wiki.txt --writing_params_path "$variant.model.params" "${tune[@]}"
run evaluate "$variant" wiki.txt --reading_params_path "$variant.model.params" "${ask[@]}" \
  --outputs_path "$variant.nopretrain.dev.predictions" | tee nopretrain.log
step "Pretraining, $epochs epochs"
run pretrain "$variant" wiki.txt --writing_params_path "$variant.pretrain.params" \
  --max_epochs "$epochs" --schedule cosine --batch_size 64
step "Finetuning the pretrained model"
run finetune "$variant" wiki.txt --reading_params_path "$variant.pretrain.params" \
  --writing_params_path "$variant.finetune.params" "${tune[@]}"
run evaluate "$variant" wiki.txt --reading_params_path "$variant.finetune.params" "${ask[@]}" \
  --outputs_path "$variant.pretrain.dev.predictions" | tee pretrain.log

step "What each reached on the questions held out ($SECONDS seconds in all)"
printf '%-34s %s\n' "London every time" "$(reached london.log) %"
printf '%-34s %s\n' "$variant, no pretraining" "$(reached nopretrain.log) %"
printf '%-34s %s\n' "$variant, $epochs epochs of pretraining" "$(reached pretrain.log) %"
