"""The store: the only place with SQL. Functions take an open connection and never commit."""
