"""The archive worker: verdicts as Parquet, the pictures of rejected parts, both in the store."""
