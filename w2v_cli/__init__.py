"""Word vectors from the command line: fast, exact, checkable."""
