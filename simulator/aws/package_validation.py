"""Makes moto's Lambda reject a deployment package that cannot be unzipped or is too large, as AWS does.

Importing this module imports moto; only `moto_app` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

from simulator.aws.moto_state import validates_requests
from simulator.lambdas.archive import check_upload, unpacked_size
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES

_IN_REQUEST: Final = "_zipfile_content"
_IN_S3: Final = "_s3_content"
_LAYERS_BYTES: Final[ContextVar[int]] = ContextVar("layers_bytes", default=0)


class RequestEntityTooLargeException(LambdaClientError):  # noqa: N818 - named as the service's exception
    """The zip in a request is too large; moto has no such error."""

    code = 413

    def __init__(self) -> None:
        super().__init__("RequestEntityTooLargeException", f"Zipped size must be smaller than {MAX_ZIPPED_BYTES} bytes")


def install_package_validation() -> None:
    """Validate each package that a function is created or updated with, in the request or in S3."""
    for name in (_IN_REQUEST, _IN_S3):
        _validate_result_of(name)


@contextmanager
def beside_layers(layers_bytes: int) -> Iterator[None]:
    """Validate the package of a function whose layers have this unpacked size."""
    token = _LAYERS_BYTES.set(layers_bytes)
    try:
        yield
    finally:
        _LAYERS_BYTES.reset(token)


def check_unpacked_size(code: bytes, layers_bytes: int) -> None:
    """Check the size of a package together with its layers.

    Raises:
        InvalidParameterValueException: it is over the limit.
    """
    size = unpacked_size(code) + layers_bytes
    if size > MAX_UNZIPPED_BYTES:
        raise InvalidParameterValueException(  # OBSERVED
            f"Function code combined with layers exceeds the maximum allowed size of {MAX_UNZIPPED_BYTES} bytes. "
            f"The actual size is {size} bytes."
        )


def _validate_result_of(name: str) -> None:
    original = vars(models)[name]

    def load_content(source: Any) -> Any:
        content = original(source)
        if not validates_requests():
            return content
        archive: bytes = content[0]
        if name == _IN_REQUEST and len(archive) > MAX_ZIPPED_BYTES:
            raise RequestEntityTooLargeException
        if error := check_upload(archive):
            raise InvalidParameterValueException(error)
        check_unpacked_size(archive, _LAYERS_BYTES.get())
        return content

    vars(models)[name] = load_content
