"""The log of one small run, byte for byte, so that no number changes by accident.

To accept a change, run `python -m tests.end_to_end.test_golden_log` and read the difference. If a released version
wrote other numbers, raise `ARITHMETIC` too: its unfinished jobs must not continue with these.
"""

import gzip
from pathlib import Path

from simulator.jobs.codec import encode_event, event_kind
from simulator.wire.objects import render_log_line
from tests.jobs.lifecycle_setup import run_lifecycle
from tests.training.training_files import make_training_file

GOLDEN = Path(__file__).parent / "golden_log.jsonl.gz"


def render_log() -> str:
    """Return the log of a run on 100 records, as `/_simulator/jobs/{id}/log` writes it."""
    events = run_lifecycle({"train": make_training_file(100)})
    return "".join(f"{render_log_line(event_kind(event), encode_event(event))}\n" for event in events)


def test_the_log_of_a_run_is_unchanged() -> None:
    """22 steps: every reward, metric, true quality and weight.

    Weights are rounded and measurements have single precision, so that machines whose `exp` differs in the last bit
    agree.
    """
    assert render_log().splitlines() == gzip.decompress(GOLDEN.read_bytes()).decode().splitlines()


if __name__ == "__main__":
    GOLDEN.write_bytes(gzip.compress(render_log().encode(), mtime=0))
