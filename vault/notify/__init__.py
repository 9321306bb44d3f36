"""Telling others: channels, what goes through them, and who may still hear it."""
