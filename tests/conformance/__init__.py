"""The conformance matrix: what agents of every kind say, over connections that break, against what the database has."""
