"""The use cases: load, decide, save. Each opens one transaction, which rolls back unless all of it worked."""
