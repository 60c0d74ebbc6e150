"""`linegate alerts` and `linegate subscriptions`: what people do about alerts, on Redis itself."""
