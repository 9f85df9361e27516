"""What tokens become."""
