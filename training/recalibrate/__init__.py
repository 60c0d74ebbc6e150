"""`linegate train recalibrate`: a version's threshold, chosen anew by what people found (docs/feedback.md)."""
