"""Help pages: the options of a command in groups, in the order in which they are declared."""

from typing import Any

import typer.core

__all__ = ["GroupedCommand"]


class GroupedCommand(typer.core.TyperCommand):
    """A command whose help shows each option under the heading that the option names."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section for each heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for entry in self.get_params(ctx):
            record = entry.get_help_record(ctx)
            if record is None:
                continue
            usual = "Arguments" if entry.param_type_name == "argument" else "Options"
            heading = getattr(entry, "rich_help_panel", None) or usual
            sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)
