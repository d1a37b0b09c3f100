"""From facts to people: alerts, duties, messages, receipts."""
