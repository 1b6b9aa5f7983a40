"""Carries out runs: what is read before (`context`), the exchange with the agent (`run`) and how it ended (`outcome`),
what a recurring run keeps for its result (`accumulator`), and what becomes of runs whose worker died (`recovery`).
"""
