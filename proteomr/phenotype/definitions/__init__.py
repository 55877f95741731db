"""Definitions of phenotypes: their files, their rules, and the kinds of rule there are."""
