"""A container: its state on disk, its verbs, its hooks and its terminal.

README.md has the rules, and the files in reading order.
"""
