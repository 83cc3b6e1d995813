"""Is a pattern worth what it costs? Patterns against one agent alone, on tasks whose answers are known."""
