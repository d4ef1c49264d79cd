"""Makes moto's Lambda reject a deployment package that cannot be unzipped, as AWS does.

Importing this module imports moto; only `moto_app` does.
"""

from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException

from simulator.aws.moto_state import current_context
from simulator.lambdas.archive import check_upload


def install_package_validation() -> None:
    """Validate each package that a function is created or updated with, in the request or in S3."""
    for name in ("_zipfile_content", "_s3_content"):
        _validate_result_of(name)


def _validate_result_of(name: str) -> None:
    original = vars(models)[name]

    def load_content(source: Any) -> Any:
        content = original(source)
        # Without a context, `mock_aws` is in use and moto keeps its own behaviour.
        if current_context() and (error := check_upload(content[0])):
            raise InvalidParameterValueException(error)
        return content

    vars(models)[name] = load_content
