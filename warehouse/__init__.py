"""The ground floor: tables, migrations, the loader and the embedded database. Nothing here decides when to run."""
