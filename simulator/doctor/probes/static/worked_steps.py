"""The work that a model shows before a wrong answer, without that answer."""

from simulator.doctor.rows import Row


def work_of(row: Row) -> str:
    """Return the work alone, the last step of which comes to a wrong value; empty where no work is shown."""
    return row.wrong.removesuffix(row.bare(row.wrong_value)).rstrip("\n")
