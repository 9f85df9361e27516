"""Speech that is written down while it is spoken: what a client sends becomes utterances, and each of them a job."""
