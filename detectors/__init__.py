"""Pure arithmetic over readings: day totals, rules that return daily facts, episodes."""
