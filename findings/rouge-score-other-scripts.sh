#!/usr/bin/env bash
# rouge-score gives 0 to a text that equals its reference, if no letter of it is one of a to z.
#
# ROUGE is a common reward for summaries. With prompts in another script no response can score.
#
# Guess before the run: a text compared with itself has an F-measure of 1.
#
# Seen with rouge-score 0.1.2 on Python 3.11 (ROUGE-L F-measure of a text with itself):
#
#   hello world    1.0
#   привет мир     0
#   東京           0
#
# The default tokenizer keeps a to z and 0 to 9 only. `RougeScorer(..., tokenizer=...)` takes another one.
# Exit status 0: the behaviour is as described. Needs python3 3.11 or newer, and access to PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer."; exit 1; }
python3 -m venv tools
tools/bin/python -m pip install --quiet --disable-pip-version-check rouge-score==0.1.2

tools/bin/python - <<'PYTHON'
import sys

from rouge_score.rouge_scorer import RougeScorer

expected = {"hello world": 1.0, "привет мир": 0.0, "東京": 0.0}
scorer = RougeScorer(["rougeL"])
seen = {text: scorer.score(text, text)["rougeL"].fmeasure for text in expected}
for text, score in seen.items():
    print(f"{text}: {score}")
sys.exit(seen != expected)
PYTHON
