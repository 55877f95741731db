"""Figures from tables: each function returns a `Drawing`, the figure and the numbers in it."""
