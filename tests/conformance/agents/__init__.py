"""Servers that play the scripts of `cases`: on a2a-sdk 1.x, on a2a-sdk 0.3.x, and on no SDK at all."""
