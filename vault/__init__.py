"""Datakluis: a personal data vault server. The map of the house is vault/README.md."""

__version__ = "0.1.0"
