"""History: what was judged, in Parquet files in the store, asked with DuckDB."""

from shared.history.answer import Bucket, PastVerdict, Row, Summary
from shared.history.csv_text import summary_csv, verdicts_csv
from shared.history.history import History, HistoryTooLarge
from shared.history.question import GROUPINGS, Decision, Grouping, Scope

__all__ = [
    "GROUPINGS",
    "Bucket",
    "Decision",
    "Grouping",
    "History",
    "HistoryTooLarge",
    "PastVerdict",
    "Row",
    "Scope",
    "Summary",
    "summary_csv",
    "verdicts_csv",
]
