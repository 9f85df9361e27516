"""What the image engines are made of."""
