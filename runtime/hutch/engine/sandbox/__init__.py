"""Programs in sandboxes: containers without conmon that end with their caller. See README.md."""
