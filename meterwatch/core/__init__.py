"""Words, arithmetic, and what we ask of the world."""
