"""Hostile images of version 4, where nothing says whose it is and no checksum guards it."""

QUIET = {}
