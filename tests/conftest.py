"""What holds for every test. Fixtures live beside the tests that use them."""

from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")
