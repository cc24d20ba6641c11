"""The only place with SQL of this room."""
