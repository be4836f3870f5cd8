"""Backups: taken, proven by restoring them, kept for a while, and put back into an empty database."""
