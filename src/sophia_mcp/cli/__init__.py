"""The person's door: commands that parse, call the app and print."""
