"""Raw text into token segments."""
