"""Whether traits share causal variants, region by region."""

from __future__ import annotations

from proteomr.colocalisation.calling import colocalise, hyprcoloc, moloc, smr

__all__ = ["colocalise", "hyprcoloc", "moloc", "smr"]
