"""Conversations, their items, and what every viewer of them sees."""
