"""Whether traits share causal variants, region by region."""
