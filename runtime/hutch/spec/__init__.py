"""config.json and what it may say: reading, checking, explaining and writing it.

Nothing here changes the system; only load reads files. The package imports none of its modules by
itself: each verb pays for what it uses.

README.md has the rules, and the files in reading order.
"""
