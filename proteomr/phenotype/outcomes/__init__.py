"""Outcomes of participants: what they are, their dates, follow-up and counts."""
