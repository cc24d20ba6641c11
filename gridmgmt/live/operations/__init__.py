"""Use cases: reading events, looking for lights that turned, sending to hooks."""
