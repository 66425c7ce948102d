/**
 * The servers the suites run on, and the one place where their versions are pinned. Raising a version here is all it
 * takes: each version has a directory of its own in the cache, so the next `node test/servers/install.mjs` brings it.
 */
export const SERVERS = {
  /** The last state of the open repository; it is tagged by date there, so the Go module has only a pseudo-version. */
  minio: { version: 'v0.0.0-20260212201848-7aac2a2c5b7c', goPackage: 'github.com/minio/minio' },
  moto: { version: '5.2.1', pipPackage: 'moto[server]' },
  azurite: { version: '3.37.0', npmPackage: 'azurite' },
  'fake-gcs-server': { version: 'v1.56.1', goPackage: 'github.com/fsouza/fake-gcs-server' },
  /** MongoDB's protocol. Pinned by the go.mod of the program in `ferretdb/`; what follows the + counts the changes of that program. */
  ferretdb: { version: 'v1.24.0+2', goProgram: 'ferretdb' },
};

/** What suites run besides servers, installed and pinned alike. */
export const TOOLS = {
  /** Requests made up from the API's description, each answer held to it. */
  schemathesis: { version: '4.32.5', pipPackage: 'schemathesis' },
};

/** What benches are held against; installed only when asked for (`--peers`), as they take minutes to build. */
export const PEERS = {
  versitygw: { version: 'v1.8.0', goPackage: 'github.com/versity/versitygw', goCommand: 'cmd/versitygw' },
  rclone: { version: 'v1.76.0', goPackage: 'github.com/rclone/rclone' },
  /** One jar; it needs a Java of version 17 or newer. */
  s3proxy: { version: '3.0.0', mavenArtifact: 'org.gaul:s3proxy:3.0.0:jar:jar-with-dependencies' },
};

export const PINNED = { ...SERVERS, ...TOOLS, ...PEERS };
