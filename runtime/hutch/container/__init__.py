"""What a container is on disk and in time: its state, its verbs, its hooks and its terminal.

README.md has the rules, and the files in reading order.
"""
