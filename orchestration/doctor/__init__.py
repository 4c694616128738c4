"""Looks at everything the platform stands on and says what to do about what it finds. It mends nothing itself."""
