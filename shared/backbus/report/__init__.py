"""A finished job as one page that opens offline, or as a summary in Markdown. The page needs the extra ``figures``."""

from backbus.report.markdown import markdown
from backbus.report.writing import MARKDOWN, check_page, write_markdown, write_report

__all__ = ["MARKDOWN", "check_page", "markdown", "write_markdown", "write_report"]
