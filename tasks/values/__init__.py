"""What is stored and sent: frozen values with versions."""
