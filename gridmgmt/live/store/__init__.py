"""Events, lights and hooks in the database."""
