"""Data at rest. All SQL lives here."""
