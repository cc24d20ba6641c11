"""Events worded for people."""
