"""Settings of the ingestion API."""

import pytest
from pydantic import ValidationError

from ingestion_api.contract import MAX_ITEMS
from ingestion_api.settings import IngestionApiSettings


def test_every_setting_is_described() -> None:
    assert all(field.description for field in IngestionApiSettings.model_fields.values())


def test_database_url_names_the_driver() -> None:
    settings = IngestionApiSettings(database_url="postgresql://me:secret@db:5432/api")
    assert settings.dsn() == "postgresql+psycopg://me:secret@db:5432/api"


def test_batches_cannot_be_allowed_to_outgrow_the_contract() -> None:
    """C5: 1,000 at most."""
    assert IngestionApiSettings(max_items=10).max_items == 10
    with pytest.raises(ValidationError):
        IngestionApiSettings(max_items=MAX_ITEMS + 1)
