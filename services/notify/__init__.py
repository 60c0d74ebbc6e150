"""The notify worker: it empties the outboxes of alerts into webhooks, mails and andon lights."""
