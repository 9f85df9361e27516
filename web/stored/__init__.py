"""What calls have stored, shown again: responses and conversations."""
