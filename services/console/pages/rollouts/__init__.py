"""Which version judges where, how a version on trial does beside its champion, and the steps that change it."""
