#!/usr/bin/env bash
# The handout's commands for one variant, from training to both sets of predictions:
#   bash docs/experiment.sh vanilla       and then, for the submission,
#   bash docs/experiment.sh synthesizer
#   RECIPE=reading MINUTES=8.5 bash docs/experiment.sh vanilla       by another recipe, in a given time
# Params and predictions are written to the folder in which it is started.
set -eu
variant=${1:-vanilla}
root=$(cd "$(dirname "$0")/.." && pwd)
python=$root/.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
name=$variant${RECIPE:+.$RECIPE}
recipe=(--recipe "${RECIPE:-course}")
questions=(--finetune_corpus_path birth_places_train.tsv)

run() { echo "== run.py $*"; "$python" "$root/src/run.py" "$@"; }
answer() {  # answer PARAMS NAME: both sets of questions
  run evaluate "$variant" wiki.txt --reading_params_path "$1" \
    --eval_corpus_path birth_dev.tsv --outputs_path "$2.dev.predictions"
  run evaluate "$variant" wiki.txt --reading_params_path "$1" \
    --eval_corpus_path birth_test_inputs.tsv --outputs_path "$2.test.predictions"
}

if [ -z "${RECIPE:-}" ]; then  # without pretraining
  run finetune "$variant" wiki.txt --writing_params_path "$name.model.params" "${questions[@]}"
  answer "$name.model.params" "$name.nopretrain"
fi
run pretrain "$variant" wiki.txt --writing_params_path "$name.pretrain.params" "${recipe[@]}" \
  "${questions[@]}" ${MINUTES:+--max_minutes "$MINUTES"}
run finetune "$variant" wiki.txt --reading_params_path "$name.pretrain.params" \
  --writing_params_path "$name.finetune.params" "${recipe[@]}" "${questions[@]}" \
  ${MINUTES:+--max_minutes 1}
answer "$name.finetune.params" "$name.pretrain"
