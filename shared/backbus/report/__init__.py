"""A finished job as one page that opens offline, or as a summary in Markdown. The page needs the extra ``figures``."""

from backbus.report.markdown import markdown
from backbus.report.writing import check_page, write_report

__all__ = ["check_page", "markdown", "write_report"]
