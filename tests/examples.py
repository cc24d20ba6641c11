"""How many examples hypothesis tries: each property says how many it wants; `make nightly` tries more."""

import os
from typing import Any

import hypothesis

UNIT = 40
"""Examples of a property that does not say, before a profile takes its share of them."""

PROFILES = {"suite": 16, "night": 400}
"""A landing tries two fifths of what a property says, the night twenty-five times as many as a landing."""


def register() -> None:
    """Correctness tests never time anything; a landing is judged on examples that are the same each time."""
    for name, n in PROFILES.items():
        hypothesis.settings.register_profile(
            name,
            deadline=None,
            max_examples=n,
            derandomize=name == "suite" and bool(os.environ.get("CI")),
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )
    hypothesis.settings.load_profile("suite")


def about(n: int, **more: Any) -> hypothesis.settings:
    """The profile's share of as many examples as n says, at least four."""
    return hypothesis.settings(max_examples=max(4, n * hypothesis.settings().max_examples // UNIT), **more)
