"""Declared columns of every table that proteomr writes."""
