"""What a container gets when nobody says otherwise.

README.md has the rules, and the files in reading order.
"""
