"""Who may do what (权限): accounts, roles and scopes, signing in, sessions and keys, the audit."""
