#!/usr/bin/env bash
# math-verify reads 1e8 as 1, and some dates as subtractions.
#
# Guess before the run: `1e8` is 100000000, and two different dates are never equal to a number.
#
# Seen with math-verify 0.9.0 on Python 3.11 (`verify(parse(left), parse(right))`):
#
#   1 and 1e8              True   parse("1e8") gives 1
#   100000000 and 1e8      False
#   1981 and 2024-12-31    True   parse("2024-12-31") gives 2024 - 12 - 31
#   1981 and 2024-01-02    False  parse("2024-01-02") gives 2024: a zero ends the expression
#   12:30 and 12:59        True   parse gives 12 for both
#
# So a reward that compares numbers with it accepts a wrong power of ten, and one for dates or times accepts others.
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
    ("1", "1e8"): True,
    ("100000000", "1e8"): False,
    ("1981", "2024-12-31"): True,
    ("1981", "2024-01-02"): False,
    ("12:30", "12:59"): True,
}
seen = {pair: verify(parse(pair[0]), parse(pair[1])) for pair in expected}
for (left, right), is_equal in seen.items():
    print(f"{left} and {right}: {is_equal}  {parse(left)} {parse(right)}")
sys.exit(seen != expected)
PYTHON
