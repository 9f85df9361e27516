"""What the Whisper engine is made of: recordings cut into windows, and windows of all recordings decoded together."""
