"""The drift monitor: whether live parts still look to a champion like those it was calibrated on."""
