"""The alert worker: which verdicts and faults supervisors are told of."""
