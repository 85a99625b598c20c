"""Takes into what was heard of their text: a recognizer listens, and lines that lost or repeated words are found."""
