"""Summary statistics of genome-wide studies: read, checked, clumped."""
