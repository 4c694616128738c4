"""Writes `.env.example` and `docs/reference/settings.md` from the settings classes. What a setting does is its class's.

`python -m orchestration.settings_reference` writes both; with `--check` it only says whether they are up to date.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[1]
ENV_EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "reference" / "settings.md"

# By name, because nothing may import the edge client, and because a device installs without the others.
SETTINGS = (
    "warehouse.settings:WarehouseSettings",
    "warehouse.settings:RoleSettings",
    "ingestion_api.settings:IngestionApiSettings",
    "orchestration.settings:OrchestrationSettings",
    "expectations.settings:ExpectationsSettings",
    "ml.settings:MlSettings",
    "edge_client.settings:EdgeSettings",
)
# Read by docker-compose.yml alone.
_COMPOSE = (
    ("MILLRACE_POSTGRES_PASSWORD", "Password of the database that docker-compose.yml starts; letters and digits only"),
    ("MILLRACE_TORCH_INDEX", "Package index of the image's PyTorch; empty: that of its CPU builds"),
)


@dataclass(frozen=True)
class Setting:
    """One environment variable."""

    variable: str
    default: str
    description: str


@dataclass(frozen=True)
class Section:
    """The settings of one class."""

    package: str
    description: str
    settings: tuple[Setting, ...]


def sections() -> list[Section]:
    """Every settings class, each variable where it is read first."""
    found: list[Section] = []
    seen: set[str] = set()
    for name in SETTINGS:
        module, _, attribute = name.partition(":")
        settings_class: type[BaseSettings] = getattr(import_module(module), attribute)
        settings = tuple(setting for setting in _settings(settings_class) if setting.variable not in seen)
        seen.update(setting.variable for setting in settings)
        description = " ".join((settings_class.__doc__ or "").split("\n\n")[0].split())
        found.append(Section(module.split(".")[0], description, settings))
    return found


def env_example() -> str:
    """The text of `.env.example`: every variable, commented out, at its default."""
    lines = [
        "# Every setting with its default. Copy this file to .env, change what you need; the environment wins over it.",
        "# Written by `python -m orchestration.settings_reference`.",
    ]
    for section in sections():
        lines += ["", f"# --- {section.package}: {section.description}"]
        for setting in section.settings:
            lines += ["", f"# {setting.description}", f"# {setting.variable}={setting.default}"]
    lines += ["", "# --- docker compose"]
    for variable, description in _COMPOSE:
        lines += ["", f"# {description}", f"# {variable}="]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The text of `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Written by `python -m orchestration.settings_reference` from the settings classes; change those.",
        "Each is an environment variable, or a line in `.env` in the working directory; empty counts as unset.",
    ]
    for section in sections():
        lines += ["", f"## {section.package}", "", section.description, ""]
        lines += ["| variable | default | meaning |", "|---|---|---|"]
        for setting in section.settings:
            default = f"`{setting.default}`" if setting.default else ""
            lines.append(f"| `{setting.variable}` | {default} | {_cell(setting.description)} |")
    lines += ["", "## docker compose", "", "| variable | default | meaning |", "|---|---|---|"]
    lines += [f"| `{variable}` |  | {description} |" for variable, description in _COMPOSE]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write both files, or with `--check` compare them.

    Returns:
        The exit code: 1 where a file is out of date.
    """
    stale = [(path, text) for path, text in ((ENV_EXAMPLE, env_example()), (PAGE, page())) if _read(path) != text]
    if "--check" in arguments:
        for path, _ in stale:
            sys.stderr.write(
                f"{path.relative_to(ROOT)} is out of date; run python -m orchestration.settings_reference\n"
            )
        return int(bool(stale))
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _settings(settings_class: type[BaseSettings]) -> Iterator[Setting]:
    prefix = settings_class.model_config.get("env_prefix", "")
    for name, field in settings_class.model_fields.items():
        default = _text(field.get_default(call_default_factory=True, validated_data={}))
        yield Setting(f"{prefix}{name}".upper(), default, field.description or "")


def _cell(text: str) -> str:
    """Text that Markdown shows as it is in a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
