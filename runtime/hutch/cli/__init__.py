"""The command lines of hutch and warren: parse, call, print. No logic.

README.md has the rules, and the files in reading order.
"""
