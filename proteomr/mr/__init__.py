"""Mendelian randomisation: harmonised variants to causal estimates."""
