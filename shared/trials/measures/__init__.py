"""What a trial is measured by, beside its champion. Pure; each measure has a file of its own."""
