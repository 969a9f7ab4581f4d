"""The explorer: a local page on which a person asks a memory, and sees and changes what it knows."""
