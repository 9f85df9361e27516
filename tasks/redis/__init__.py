"""How it is stored: keys, scripts, and what runs them."""
