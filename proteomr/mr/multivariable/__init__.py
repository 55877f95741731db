"""Estimators of the direct effects of several exposures, one file each."""
