"""The command line: one module a command, and what they share. The only part of the pack that prints."""
