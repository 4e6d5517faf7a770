"""What keeps the project in order: messages, generated pages, locks, set-up. Nothing here runs in the product."""
