"""The work that a model shows before a wrong answer, without that answer."""

from simulator.doctor.rows import Row


def worked_steps(row: Row) -> str:
    """Return the work alone, the last step of which comes to a wrong value; empty where no work is shown."""
    return row.wrong_response.removesuffix(row.write_answer(row.wrong_value)).rstrip("\n")
