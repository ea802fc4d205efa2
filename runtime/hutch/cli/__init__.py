"""The command lines of hutch and warren: they parse the arguments, call, and print the result.

README.md has the rules, and the files in reading order.
"""
