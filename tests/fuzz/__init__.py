"""All kinds of input for what reads input."""
