"""`linegate rollout`: what people ask of rollouts and do to them. The worker that watches lies beside it."""
