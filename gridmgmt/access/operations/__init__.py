"""One use case a function: accounts, signing in, keys, the audit."""
