"""What every package uses: errors, text, bounded reading of files, atomic writes. Loads no torch."""
