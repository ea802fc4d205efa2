"""Containers: a row in the store's database, a folder, and, while they run, conmon and hutch.

README.md lists the modules in reading order.
"""
