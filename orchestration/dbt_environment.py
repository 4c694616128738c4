"""Tells dbt where the warehouse is. What dbt does there is not here."""

from sqlalchemy import make_url


def dbt_environment(warehouse_url: str) -> dict[str, str]:
    """The variables that dbt_project/profiles.yml reads."""
    warehouse = make_url(warehouse_url)
    return {
        "MILLRACE_DBT_HOST": warehouse.host or "127.0.0.1",
        "MILLRACE_DBT_PORT": str(warehouse.port or 5432),
        "MILLRACE_DBT_USER": warehouse.username or "",
        "MILLRACE_DBT_PASSWORD": str(warehouse.password or ""),
        "MILLRACE_DBT_DATABASE": warehouse.database or "",
    }
