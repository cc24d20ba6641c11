"""The room's SQL: what was handed in."""
