"""CRIU saves running processes to files and makes them again from these files (criu.org).

README.md has the rules, and the files in reading order.
"""
