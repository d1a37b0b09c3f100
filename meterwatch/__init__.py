"""meterwatch watches a utility's meters as they report and proves that every notice the rules demand was given."""

__version__ = "0.1.0"
