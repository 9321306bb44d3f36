"""Requests per second of the hot paths, each beside a bare aiohttp handler in the same run: `make bench`."""
