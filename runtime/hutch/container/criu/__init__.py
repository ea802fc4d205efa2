"""CRIU, which writes running processes to files and makes them again from these (criu.org).

README.md has the rules, and the files in reading order.
"""
