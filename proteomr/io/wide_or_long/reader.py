"""Tables of no known format: which of the two layouts they have, and what the user must say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proteomr.errors import UsageError
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.wide_or_long.annotated import read_anndata
from proteomr.io.wide_or_long.layout import Glance, glance_at
from proteomr.io.wide_or_long.long import read_long
from proteomr.io.wide_or_long.rows import find_orientation, read_rows
from proteomr.io.wide_or_long.wide import read_wide
from proteomr.tables import Measurements, Platform

__all__ = ["PlainTable"]


@dataclass(frozen=True, slots=True)
class PlainTable:
    r"""Any wide or long table: comma, semicolon or tab, also gz, or parquet.

    **Wide**, one row per sample: every column of numbers is an assay, named by its column; what
    holds no numbers stays with the samples. Several files are joined on the identifier. Text is
    converted to parquet in a stream, and the matrix is never held whole. A sample that stands
    twice is refused, whatever ``replicates`` says.

    **Long**, one row per measurement, where the columns of assays and values are named: further
    columns that are constant within samples go with these, those constant within assays with
    those (gene, UniProt, panel, unit and limit of detection by their usual names), and the rest
    is left out. Of several values of one sample and assay ``mean`` averages what is known, and
    ``first`` keeps one of them where all are the same, and refuses the table where they are not:
    the order of its rows tells nothing.

    **Proteins in rows**, samples in columns: known by names of genes or accessions in a column
    and none in the header, and turned, which a note says; ``proteins_in`` decides where both may
    be.

    **AnnData** (h5ad), by the package anndata: samples are observations, assays variables, and
    ``value_column`` a layer in place of X.

    Codes such as 999 or -9 are values; infinite ones are refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "long.csv"
    ...     size = file.write_text("ID,assay,npx\n7,ADM,1.5\n8,ADM,2.5\n")
    ...     options = IngestOptions(assay_column="assay", value_column="npx")
    ...     measured = PlainTable().read((open_source(file),), options=options, scratch=Path(name))
    >>> measured.samples["sample_id"].to_list(), measured.proteins.read(slice(0, 1)).T.tolist()
    (['7', '8'], [[1.5, 2.5]])
    """

    name: Platform = "table"

    def matches(self, source: Source, /) -> bool:
        r"""Tell whether a file may be a table at all; asked after every known format.

        Examples
        --------
        >>> PlainTable().matches(Source(Path("x.csv"), "text", head="ID,ADM\n7,1.5\n"))
        True
        """
        return source.kind in {"text", "parquet", "h5ad"}

    def read(
        self, sources: tuple[Source, ...], /, *, options: IngestOptions, scratch: Path
    ) -> Measurements:
        """Return the measurements of tables of one layout.

        Parameters
        ----------
        sources : the files.
        options : ``id_column``, ``assay_column`` and ``value_column``, ``log2``, ``replicates``.
        scratch : folder for converted files; the caller removes it after the last read.

        Raises
        ------
        UsageError
            One of assay and value is named alone, or a long table is given without both.
        FormatError
            A file is damaged, or a value is no finite number; with line and column.
        InputError
            Identifiers are absent or repeated, or the files do not belong together.
        """
        if any(source.kind == "h5ad" for source in sources):
            if len(sources) > 1:
                raise UsageError("an AnnData file is read by itself; give one")
            return read_anndata(sources[0].path, options=options)
        named = (options.assay_column, options.value_column)
        if named == (None, None):
            glances = [glance_at(source) for source in sources]
            if turned := _find_rows(glances, options):
                return read_rows(*turned, options=options)
            return read_wide(glances, options=options, scratch=scratch)
        if None in named:
            raise UsageError("a long table needs both --assay and --value; give the other, too")
        if options.proteins_in == "rows":
            raise UsageError("--proteins-in is of wide tables, --assay and --value of long ones")
        return read_long(sources, options=options)


def _find_rows(glances: Sequence[Glance], options: IngestOptions) -> tuple[Glance, str] | None:
    """Return the table with proteins in rows and the column that names them; None without."""
    keys = [find_orientation(glance, options) for glance in glances]
    turned = [(glance, key) for glance, key in zip(glances, keys, strict=True) if key is not None]
    if not turned:
        return None
    if len(glances) > 1:
        raise UsageError(
            f"{turned[0][0].path}: proteins stand in rows; give one such table by itself"
        )
    return turned[0]
