"""The only place with SQL of this room. Functions take an open connection and never commit."""
