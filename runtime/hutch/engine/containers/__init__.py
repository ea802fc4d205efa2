"""Containers: a row in the store's database, a folder, and, while they run, conmon and hutch.

options     what was asked for            words       Docker's words for it
records     the rows                      places      the folders
truth       what the kernel says          rootfs      the overlay
config, mounts, limits, security          from all that to config.json
conmon      who stays with a container    attach      being at its streams
create, start, finish, stop, remove       its life
exec, logs, copy, commit, stats, update   what is done to it meanwhile
listing, describe, events, about, sizes   what is told of it
check       what `system check` looks at
"""
