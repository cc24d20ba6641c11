"""A crowded machine is slow, not wrong: what a page shall show may take its time."""

from playwright.sync_api import expect

expect.set_options(timeout=30_000)
