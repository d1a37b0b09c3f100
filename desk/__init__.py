"""What is served over HTTP: provider callbacks, metrics, health."""
