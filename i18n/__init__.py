"""The Spanish of all modules: the glossary, the check that every translation follows it, and their update."""
