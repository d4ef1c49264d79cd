#!/usr/bin/env bash
# json_repair keeps only the last of two objects with the same keys, unless a comma is between them.
#
# Reward functions for JSON answers use it to be lenient. A response may correct itself, or list several guesses.
#
# Guess before the run: a text with two objects gives a list of both, or the first one.
#
# Seen with json_repair 0.64.6 on Python 3.11 (`loads`):
#
#   {"city": "Oslo"} no, {"city": "Rome"}     {'city': 'Rome'}
#   {"city": "Oslo"} {"city": "Rome"}         {'city': 'Rome'}
#   {"city": "Oslo"}, {"city": "Rome"}        [{'city': 'Oslo'}, {'city': 'Rome'}]
#   {"city": "Oslo"} {"day": "Monday"}        [{'city': 'Oslo'}, {'day': 'Monday'}]
#
# So the type of the result depends on the keys, and a check "is it one object" does not find a response with two.
# Exit status 0: the behaviour is as described. Needs python3 3.11 or newer, and access to PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer."; exit 1; }
python3 -m venv tools
tools/bin/python -m pip install --quiet --disable-pip-version-check json-repair==0.64.6

tools/bin/python - <<'PYTHON'
import sys

from json_repair import loads

oslo, rome, monday = {"city": "Oslo"}, {"city": "Rome"}, {"day": "Monday"}
expected = {
    '{"city": "Oslo"} no, {"city": "Rome"}': rome,
    '{"city": "Oslo"} {"city": "Rome"}': rome,
    '{"city": "Oslo"}, {"city": "Rome"}': [oslo, rome],
    '{"city": "Oslo"} {"day": "Monday"}': [oslo, monday],
}
seen = {text: loads(text) for text in expected}
for text, value in seen.items():
    print(f"{text:42}{value}")
sys.exit(seen != expected)
PYTHON
