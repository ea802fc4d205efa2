"""What a command line can go on with."""
