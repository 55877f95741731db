"""Genotypes, correlations of variants, and chains between builds of the genome."""
