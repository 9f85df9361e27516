"""What every process knows before it starts: settings from the environment, models from a file."""
