"""Duties: who must act by when, and what proves that he did (RULES §4)."""
