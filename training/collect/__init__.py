"""`linegate train collect`: a data set of recent parts for a refit (docs/feedback.md)."""
