"""The served side (接口): a read-only FastAPI application over the operations, and its start page."""

LOOPBACK = ("127.0.0.1", "localhost")
"""The only hosts served until access control exists, also against pages that rebind a name to this machine."""
