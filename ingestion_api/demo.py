"""Demo mode: who needs no key, and where that is out of the question (C38). Keys are looked up in `key_ring.py`."""

import ipaddress

from ingestion_api.auth import ANONYMOUS, Credential
from ingestion_api.errors import DemoModeExposed
from ingestion_api.logs import log
from ingestion_api.settings import IngestionApiSettings

_SCOPES = frozenset({"push_readings", "push_events", "read"})


def check(settings: IngestionApiSettings) -> None:
    """Say loudly that demo mode is on, if it is.

    Raises:
        DemoModeExposed: The API would listen beyond this machine.
    """
    if not settings.demo_mode:
        return
    if not is_loopback(settings.host):
        raise DemoModeExposed(
            f"demo mode lets anybody push without a key, and MILLRACE_API_HOST={settings.host} is not loopback:"
            " set it to 127.0.0.1, or MILLRACE_API_DEMO_MODE=false"
        )
    log.warning("demo_mode_lets_anybody_in", site_code=settings.demo_site, host=settings.host)


def anonymous(settings: IngestionApiSettings, address: str, origin: str | None) -> Credential | None:
    """Return who asks without a key: nobody, unless demo mode is on and the request is this machine's own.

    Args:
        settings: Say whether it is on, and for which site.
        address: Of the sender; behind a proxy, the proxy's own sender.
        origin: The page that sent the request, if a browser says so: other people's pages run here, too.
    """
    if not settings.demo_mode or not is_loopback(address) or (origin and origin not in settings.origins()):
        return None
    limit = settings.unauthenticated_per_min
    return Credential(ANONYMOUS, settings.demo_site, _SCOPES, requests_per_min=limit, quota_subject=f"ip:{address}")


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
