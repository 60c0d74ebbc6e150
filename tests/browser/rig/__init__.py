"""What runs while the console is tested: plants, models, servers, people and pages."""
