"""The page that a run is read from: one self-contained HTML file."""

from __future__ import annotations

from evals.report.page import REPORT_FILE, write_report

__all__ = ["REPORT_FILE", "write_report"]
