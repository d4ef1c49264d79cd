#!/usr/bin/env bash
# math-verify reads no number that directly follows a mark, so a right answer in tags is refused.
#
# A reward function often passes the whole response to `parse`. The usual formats of an answer in RL prompts are
# `<answer>72</answer>` and `####72`.
#
# Guess before the run: `parse("<answer>72</answer>")` gives 72, because the text has one number.
#
# Seen with math-verify 0.9.0 on Python 3.11 (`verify(parse("72"), parse(response))`):
#
#   #### 72                 True
#   ####72                  False, parse gives []
#   <answer>72</answer>     False, parse gives []
#   <answer> 72 </answer>   True
#   ANSWER:72               False, parse gives []
#   (72)                    False, parse gives []
#
# So cut the answer out of its tags or its marker before `parse`, or put spaces around it.
# Exit status 0: the behaviour is as described. Needs python3 3.11 or newer, and access to PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer."; exit 1; }
python3 -m venv tools
tools/bin/python -m pip install --quiet --disable-pip-version-check math-verify==0.9.0 latex2sympy2-extended==1.11.0

tools/bin/python - <<'PYTHON'
import sys

from math_verify import parse, verify

expected = {
    "#### 72": True,
    "####72": False,
    "<answer>72</answer>": False,
    "<answer> 72 </answer>": True,
    "ANSWER:72": False,
    "(72)": False,
}
seen = {response: verify(parse("72"), parse(response)) for response in expected}
for response, is_right in seen.items():
    print(f"{response:24}{is_right}  {parse(response)}")
sys.exit(seen != expected)
PYTHON
