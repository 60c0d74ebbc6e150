"""Train and measure the label detector, on synthetic scenes only."""
