"""Lambda's error object, parsed."""

import json

from simulator.grading.lambda_failure import parse_failure


def test_the_location_of_a_failure_is_in_the_functions_own_code() -> None:
    """Not in the standard library, unless the whole stack trace is."""
    own = '  File "/var/task/lambda_function.py", line 7, in lambda_handler\n    json.loads(text)\n'
    library = '  File "/usr/lib/json/decoder.py", line 355, in raw_decode\n    raise\n'

    def location(*trace: str) -> str:
        return parse_failure(json.dumps({"errorType": "E", "errorMessage": "m", "stackTrace": trace}).encode()).location

    assert location(own, library) == ' (File "/var/task/lambda_function.py", line 7, in lambda_handler)'
    assert location(library) == ' (File "/usr/lib/json/decoder.py", line 355, in raw_decode)'
