"""What `make demo` and `make real` run: the commands of the README, one after another."""
