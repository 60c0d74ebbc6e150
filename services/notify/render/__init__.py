"""What messages say: the body of a webhook, the texts of a mail, the few words for an andon light."""
