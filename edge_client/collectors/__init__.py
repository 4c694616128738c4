"""One file per source that the edge client can read. How items reach the API does not belong here."""
