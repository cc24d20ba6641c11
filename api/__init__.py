"""The served side (接口): a FastAPI application over the operations, and its start page."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""This machine's own names, which are always answered; others only if they are set, as a page could take any name."""
