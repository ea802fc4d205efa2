"""The tables of a store's database, as migrations: number N changes a store of version N to N + 1.

A migration that was released is never changed; each change of the tables is a new migration. The
statements of a migration are separated by ";" at the end of a line.
"""

IMAGES = """
CREATE TABLE IF NOT EXISTS image (
    manifest TEXT PRIMARY KEY, media_type TEXT NOT NULL, manifest_size INTEGER NOT NULL,
    config TEXT NOT NULL, os TEXT NOT NULL, architecture TEXT NOT NULL, variant TEXT NOT NULL,
    created TEXT NOT NULL, size INTEGER NOT NULL, pulled REAL NOT NULL);
CREATE INDEX IF NOT EXISTS image_config ON image (config);
CREATE TABLE IF NOT EXISTS image_blob (
    manifest TEXT NOT NULL REFERENCES image ON DELETE CASCADE, digest TEXT NOT NULL,
    PRIMARY KEY (manifest, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS image_layer (
    manifest TEXT NOT NULL REFERENCES image ON DELETE CASCADE, position INTEGER NOT NULL,
    chain TEXT NOT NULL, PRIMARY KEY (manifest, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS name (
    name TEXT PRIMARY KEY, manifest TEXT NOT NULL REFERENCES image ON DELETE CASCADE,
    top TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layer (
    chain TEXT PRIMARY KEY, diff TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
    entries INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    digest TEXT NOT NULL, repository TEXT NOT NULL, PRIMARY KEY (digest, repository)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
    lease TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (lease, item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hold (
    holder TEXT NOT NULL, manifest TEXT NOT NULL, PRIMARY KEY (holder, manifest)) WITHOUT ROWID;
"""

# Times are seconds since 1970. engine.containers.records describes the columns of a container. Its
# options are JSON, because no query searches them.
CONTAINERS = """
CREATE TABLE container (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, manifest TEXT NOT NULL, created REAL NOT NULL,
    options TEXT NOT NULL, phase TEXT NOT NULL, pid INTEGER NOT NULL, birth TEXT NOT NULL,
    conmon INTEGER NOT NULL, conmon_birth TEXT NOT NULL, paused INTEGER NOT NULL,
    started REAL NOT NULL, finished REAL NOT NULL, exit_code INTEGER NOT NULL,
    oom INTEGER NOT NULL, error TEXT NOT NULL, restarts INTEGER NOT NULL,
    stopping INTEGER NOT NULL, runs INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE volume (
    name TEXT PRIMARY KEY, created REAL NOT NULL, anonymous INTEGER NOT NULL,
    labels TEXT NOT NULL, options TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE container_volume (
    container TEXT NOT NULL REFERENCES container ON DELETE CASCADE,
    volume TEXT NOT NULL REFERENCES volume, PRIMARY KEY (container, volume)) WITHOUT ROWID;
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, kind TEXT NOT NULL,
    action TEXT NOT NULL, actor TEXT NOT NULL, attributes TEXT NOT NULL);
"""

# engine.network.records describes the columns of a network. An attachment: the container uses this
# network when it runs. An endpoint: a container that runs is in the network, with these addresses
# (a lease). A published port of this host leads to a container. When the container ends, its
# endpoints and published ports are deleted.
NETWORKS = """
CREATE TABLE network (
    name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, created REAL NOT NULL, link TEXT NOT NULL,
    subnets TEXT NOT NULL, chosen INTEGER NOT NULL, internal INTEGER NOT NULL,
    ipv6 INTEGER NOT NULL, labels TEXT NOT NULL, options TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE attachment (
    container TEXT NOT NULL REFERENCES container ON DELETE CASCADE, network TEXT NOT NULL,
    position INTEGER NOT NULL, wishes TEXT NOT NULL,
    PRIMARY KEY (container, network)) WITHOUT ROWID;
CREATE TABLE endpoint (
    container TEXT NOT NULL REFERENCES container ON DELETE CASCADE,
    network TEXT NOT NULL REFERENCES network, id TEXT NOT NULL, link TEXT NOT NULL UNIQUE,
    interface TEXT NOT NULL, address4 TEXT, address6 TEXT, mac TEXT NOT NULL,
    PRIMARY KEY (container, network), UNIQUE (network, address4), UNIQUE (network, address6)
    ) WITHOUT ROWID;
CREATE TABLE published (
    protocol TEXT NOT NULL, address TEXT NOT NULL, host_port INTEGER NOT NULL,
    container TEXT NOT NULL REFERENCES container ON DELETE CASCADE, port INTEGER NOT NULL,
    PRIMARY KEY (protocol, address, host_port)) WITHOUT ROWID;
"""

# engine.pods.records describes the columns of a pod. The options of a container name its pod; the
# index finds the containers of one.
PODS = """
CREATE TABLE pod (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL,
    options TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX container_pod ON container (json_extract(options, '$.pod'));
"""

# How a run of a container ended, and what tells it (engine.containers.ending).
ENDINGS = """
ALTER TABLE container ADD COLUMN ending TEXT NOT NULL DEFAULT '';
ALTER TABLE container ADD COLUMN sent TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS = (IMAGES, CONTAINERS, NETWORKS, PODS, ENDINGS)
VERSION = len(MIGRATIONS)
