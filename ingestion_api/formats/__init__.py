"""Body formats: each module turns bytes into columns, and says which items it could not read. No rules here."""
