"""Who is told of alerts in the tests: a webhook, a mailbox, a lamp."""
