"""What measurements and tests are made with.

seccomp_profile  a profile of the size and kind that engines give their containers
images           images made layer by layer, odd and hostile ones too, in an OCI layout
trees            what a tree of files is, and where two of them differ
"""
