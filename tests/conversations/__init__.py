"""Tests of conversations: what happens in them, and how it reaches those who watch."""
