"""The routes, one module a noun: parse, call one operation, return."""
