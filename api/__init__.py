"""The served side (接口): a read-only FastAPI application over the operations, and its start page."""
