"""Files that conversations hold: PDFs, opened in a process of their own, and texts."""
