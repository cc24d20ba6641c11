"""How many examples hypothesis tries: each property says how many it wants in the suite; `make nightly` tries more."""

import os
from typing import Any

import hypothesis

PROFILES = {"suite": 40, "night": 600}
"""Examples of a property that does not say."""


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
    """As many examples in the suite as n says, and at night more in proportion."""
    return hypothesis.settings(max_examples=n * hypothesis.settings().max_examples // PROFILES["suite"], **more)
