"""What hutch-init and the runtime say to each other. Generated from native/wire.def by
native/generate.py."""

# The kinds of messages.
AT = 1
FAIL = 2
FD = 3
PID = 4
LISTENER = 5
ASK = 6
WARN = 7

# The answers.
GO_ON = 0
SEND = 1

# Values of arguments in plan.def.
COVER_MODE = 1
COVER_OWNER = 2
COVER_CONTENTS = 4
PIVOT_ROOT = 0
PIVOT_MOVE = 1
PIVOT_CHROOT = 2

# A failure, for struct.unpack: message, index, error, part, call, detail.
FAILURE = "<IIii32s216s"
