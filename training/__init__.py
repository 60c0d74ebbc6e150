"""Offline: data sets, fitting, calibration, reports. Makes the model versions the workers load."""
