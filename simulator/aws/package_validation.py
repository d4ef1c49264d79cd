"""What moto's Lambda lets pass and AWS's does not: a deployment package that cannot be unzipped.

Importing this imports moto, so whoever mounts does it, and nobody else.
"""

from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException

from simulator.aws.moto_state import current_context
from simulator.lambdas.archive import check_upload


def install_package_validation() -> None:
    """Have moto look at each package that a function is made or changed with, in the request and in S3."""
    for name in ("_zipfile_content", "_s3_content"):
        _look_at(name)


def _look_at(name: str) -> None:
    theirs = vars(models)[name]

    def content(given: Any) -> Any:
        read = theirs(given)
        if current_context() and (refusal := check_upload(read[0])):  # beside `mock_aws`, moto stays as it is
            raise InvalidParameterValueException(refusal)
        return read

    vars(models)[name] = content
