"""Only the build uses this: the manual pages of warren."""
