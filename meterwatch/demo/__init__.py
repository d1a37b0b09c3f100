"""The demonstration fleet and its people."""
