"""How the demonstration voice was made. Nothing in the pack imports this folder; see README.md."""
