"""The service names that AWS requests are signed for, as botocore knows them."""

from difflib import get_close_matches
from functools import cache

from simulator.identity.authentication import MANTLE_SERVICES


def unknown_service_reason(service: str) -> str | None:
    """Return why no request is signed for a service name, or None if the name is valid."""
    if service in MANTLE_SERVICES or service in _common_names() or service in _all_signing_names():
        return None
    similar_names = get_close_matches(service, _common_names(), n=1)
    advice = f"; did you mean {similar_names[0]!r}?" if similar_names else ""
    return f"no request is signed for a service {service!r}{advice}"


@cache
def _common_names() -> frozenset[str]:
    """The names of services and of their endpoints: nearly all signing names, and fast to load."""
    from botocore.loaders import create_loader  # noqa: PLC0415  only scripts that name a service load it

    loader = create_loader()
    endpoints = {name for part in loader.load_data("endpoints")["partitions"] for name in part["services"]}
    return frozenset(endpoints | set(loader.list_available_services("service-2")))


@cache
def _all_signing_names() -> frozenset[str]:
    """All signing names. Takes a second, because the model of every service is loaded."""
    from botocore.loaders import create_loader  # noqa: PLC0415  as above

    services = create_loader().list_available_services("service-2")
    # A loader caches what it has loaded, and all services need hundreds of megabytes: use a new loader for each.
    metadata = [create_loader().load_service_model(name, "service-2")["metadata"] for name in services]
    return frozenset(service.get("signingName") or service["endpointPrefix"] for service in metadata)
