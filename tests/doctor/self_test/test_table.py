"""The table of a self-test, and its JSON."""

import io
import json

from rich.console import Console

from simulator.doctor.self_test.figures import count_figures
from simulator.doctor.self_test.json_report import render_json
from simulator.doctor.self_test.table import print_self_test
from tests.doctor.self_test.self_test_runs import doctor_run

RUNS = [
    doctor_run("a_sound_one", is_sound=True),
    doctor_run("found", failed=["S5", "S9"], warned=["T1"]),
    doctor_run("missed", warned=["S7"]),
    doctor_run("broken", error="KeyError: 'x'", seconds=0.5),
]


def test_the_table_has_a_line_for_each_reward_function_and_the_figures_beside_the_wanted_ones() -> None:
    """At 80 columns."""
    output = io.StringIO()
    print_self_test(RUNS, count_figures(RUNS), Console(file=output, width=80), is_quick=True)
    assert (
        output.getvalue()
        == """\
reward function     is      verdict  cause   findings                          s
tuning/a_sound_one  sound   ok                                               2.0
tuning/found        faulty  fail     found   fail S5 S9; warn T1             2.0
tuning/missed       faulty  warn     missed  warn S7                         2.0
tuning/broken       faulty  error    missed  KeyError: 'x'                   0.5

figure                        counted  share  95 % interval  wanted        holds
sound: failed                 0 of 1   0%     0% to 79%      none          yes
sound: warned                 0 of 1   0%     0% to 79%      at most 15%   yes
faulty: failed                1 of 3   33%    6% to 79%      at least 85%  no
faulty: right cause failed    1 of 3   33%    6% to 79%      at least 95%  no
or warned
no report                     1                              none          no

A run takes 2.0 s (median), at most 2.0 s, with others beside it.
broken: no report: KeyError: 'x'
These are a few of the reward functions. --all runs all of them.
The figures do not hold.
"""
    )


def test_the_json_holds_the_figures_and_every_run() -> None:
    """With stable keys."""
    document = json.loads(render_json(RUNS, count_figures(RUNS)))
    assert (document["schema_version"], document["holds"]) == (1, False)
    assert document["seconds"] == {"median": 2.0, "longest": 2.0}
    assert document["figures"][0] == {
        "name": "sound: failed",
        "count": 0,
        "of": 1,
        "low": 0.0,
        "high": document["figures"][0]["high"],
        "wanted": 0.0,
        "at_most": True,
        "holds": True,
    }
    assert document["rewards"][1] == {
        "gallery": "tuning",
        "name": "found",
        "sound": False,
        "expected": ["S9"],
        "verdict": "fail",
        "cause": "fail",
        "failed": ["S5", "S9"],
        "warned": ["T1"],
        "not_measured": [],
        "seconds": 2.0,
        "error": "",
    }
