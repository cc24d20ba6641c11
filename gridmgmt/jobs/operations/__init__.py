"""The use cases of this room: one transaction each."""
