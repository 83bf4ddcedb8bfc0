"""The words, the store (the only SQL), identity and the coverage engine; imports none of the other packages."""
