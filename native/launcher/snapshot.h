/* A copy of the interpreter's memory, made by the build, in which the modules are imported already. */
#ifndef HUTCH_SNAPSHOT_H
#define HUTCH_SNAPSHOT_H

/* Whether this program has the snapshot in it, and goes on from it. */
int has_snapshot(void);

/* Makes the interpreter take its memory from the part that the snapshot keeps. Call it before the
 * interpreter is used. */
void keep_memory(void);

/* Writes the snapshot to a file, for native/snapshot.py. Returns 0, or 1 after an error message. */
int write_snapshot(const char *path);

#endif
