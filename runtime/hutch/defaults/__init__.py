"""The default settings of a container.

README.md has the rules, and the files in reading order.
"""
