"""What is looked for in summary statistics, and for what a variant leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest

__all__ = ["FINDINGS", "Duplicates", "Finding", "VariantPolicy"]

Finding: TypeAlias = Literal[
    "unnamed",
    "effect_missing",
    "se_missing",
    "se_not_positive",
    "allele_missing",
    "alleles_equal",
    "allele_code",
    "eaf_outside",
    "p_outside",
    "p_missing",
    "chromosome_unknown",
    "beyond_chromosome",
    "lift_failed",
    "maf_low",
    "info_low",
    "indel",
    "palindromic",
    "multiallelic",
    "repeated",
    "repeated_differently",
    "p_disagrees",
    "p_significant_z_below_5",
    "p_zero",
    "p_bound",
    "p_below_doubles",
    "p_unreadable",
    "typographic_minus",
    "several_rsids",
    "allele_logical",
    "se_from_limits",
    "se_from_p",
]
Duplicates: TypeAlias = Literal["agreeing", "first", "strongest", "none", "all"]
"""Which row of a variant that stands several times is kept."""
FINDINGS: Final[tuple[Finding, ...]] = get_args(Finding)

_DEFAULT: Final[frozenset[Finding]] = frozenset(
    {
        "unnamed",
        "effect_missing",
        "se_missing",
        "se_not_positive",
        "allele_missing",
        "alleles_equal",
        "eaf_outside",
        "p_outside",
        "lift_failed",
        "maf_low",
        "info_low",
    }
)


@dataclass(frozen=True, slots=True)
class VariantPolicy:
    """For what a variant leaves; everything found is counted, whether it leaves or not.

    Parameters
    ----------
    drop : findings for which a row leaves. Those of default: no effect, error or name, an allele
        absent, both alleles the same, a frequency or p-value that cannot be, no place on the
        build lifted to, and the thresholds below.
    min_maf : smallest frequency of the rarer allele; None for any.
    min_info : smallest quality of the imputation; None for any.
    max_disagreement : share by which the statistic of effect and error may differ from that of
        the p-value.
    duplicates : which row of a variant that stands several times is kept: where they agree the
        first and where they contradict each other none (``agreeing``), the ``first``, the
        ``strongest`` (largest -log10 p), ``none``, or ``all``. The others are counted as
        ``repeated`` where all rows of the variant have the same effect and error per the same
        allele, else as ``repeated_differently``; with either among the findings to drop they leave
        under any choice, and of a variant repeated differently every row does.

    Raises
    ------
    UsageError
        A finding does not exist, or a threshold is not a share.

    Examples
    --------
    >>> VariantPolicy(min_maf=0.01).duplicates
    'agreeing'
    """

    drop: frozenset[Finding] = field(default=_DEFAULT)
    min_maf: float | None = None
    min_info: float | None = None
    max_disagreement: float = 0.05
    duplicates: Duplicates = "agreeing"

    def __post_init__(self) -> None:
        for finding in self.drop:
            if finding not in FINDINGS:
                raise UsageError(f"policy: no finding {finding!r}{nearest(finding, FINDINGS)}")
        for name, top in (("min_maf", 0.5), ("min_info", 1.0), ("max_disagreement", 1.0)):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= top:
                raise UsageError(f"policy: {name} is {value!r}; from 0 to {top:g} is needed")
