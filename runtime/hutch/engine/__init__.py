"""warren's containers, above images and the runtime.

apparmor    the AppArmor profile for containers, and loading it
"""
