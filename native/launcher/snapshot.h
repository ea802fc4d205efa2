/* A copy of the interpreter's memory, made by the build, in which the modules are imported already. */
#ifndef HUTCH_SNAPSHOT_H
#define HUTCH_SNAPSHOT_H

/* Whether this program has the snapshot in it, and goes on from it. */
int has_snapshot(void);

/* Makes the interpreter take its memory from the part that the snapshot keeps. Call it before the
 * interpreter is used. ``places`` is a file with the place of each piece of memory, or NULL. Returns
 * 0, or 1 after an error message, as the functions below. */
int keep_memory(const char *places);

/* Writes which pieces of memory were asked for to a file, for native/snapshot.py. */
int write_pieces(const char *path);

/* Writes the snapshot to a file, for native/snapshot.py, and the pieces to another one. */
int write_snapshot(const char *path, const char *pieces);

/* From now on notes in a file which pages of the heap change: a byte for each page. */
int note_changes(const char *path);

#endif
