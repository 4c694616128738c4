"""The API keys of one machine: made once, in a file that its owner alone reads. Deployments make theirs by hand."""

import json
import os
import secrets
from pathlib import Path

from ingestion_api.auth import Scope, create_key, list_keys
from warehouse.engine import create_engine

SCOPES: dict[str, tuple[Scope, ...]] = {
    "edge": ("push_readings", "push_events", "registry", "read"),
    "dagster": ("pull",),
}


def ensure_keys(api_url: str, path: Path, site_code: str) -> dict[str, str]:
    """Read the keys of a site, making those that are missing or were revoked.

    Args:
        api_url: URL of the ingestion API's database.
        path: Where the keys are kept, mode 0600.
        site_code: The site they belong to.

    Returns:
        Keys by name: `edge` pushes, registers and reads, `dagster` pulls.
    """
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    engine = create_engine(api_url)
    try:
        with engine.begin() as connection:
            rows = list_keys(connection)
            in_use = {row.name for row in rows if row.revoked_at is None and row.site_code == site_code}
            taken = {row.name for row in rows}
            for name, scopes in SCOPES.items():
                # The name stands in the file as well, since a lost key's name cannot be had again.
                if kept.get(name) and kept.get(f"{name}_name") in in_use:
                    continue
                unique = name if name not in taken else f"{name}-{secrets.token_hex(3)}"
                # Months of history in minutes, on the owner's own machine: no quota.
                key = create_key(connection, unique, site_code, scopes, requests_per_min=0, items_per_min=0)
                kept[name], kept[f"{name}_name"] = key, unique
    finally:
        engine.dispose()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(kept, file, indent=2)
    return kept
