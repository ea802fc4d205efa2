"""``./dev deb``: the Debian package is built in a clean root of the suite, and tried in another."""
