"""Protein tables of mass spectrometry to measurements, by books of their formats."""

from proteomr.io.mass_spectrometry.reader import MassSpectrometry

__all__ = ["MassSpectrometry"]
