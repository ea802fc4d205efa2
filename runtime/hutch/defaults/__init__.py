"""What a container gets when nobody says otherwise.

apparmor    the AppArmor profile for containers, and loading it
config      the config that an image's wishes are laid over
seccomp     the default seccomp profile, and Docker's form of profiles
"""
