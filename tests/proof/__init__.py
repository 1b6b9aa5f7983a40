"""Proofs of scheduling, beside oracles: a simulated year, random expressions, properties, several runners."""
