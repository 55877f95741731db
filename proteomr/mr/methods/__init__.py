"""Estimators of a causal effect, one file each."""

from __future__ import annotations

from proteomr.mr.methods.base import Convention, Estimate, Method, MethodStatus, conclude, refuse

__all__ = ["Convention", "Estimate", "Method", "MethodStatus", "conclude", "refuse"]
