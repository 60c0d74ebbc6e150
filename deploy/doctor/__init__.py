"""`linegate doctor`: say in plain words what is wrong with this set-up, and what to do about it."""

from deploy.doctor.run import run_doctor

__all__ = ["run_doctor"]
