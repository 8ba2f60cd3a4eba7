/** The nats-server that `scripts/fetch-nats-server.sh` has put into `dist/.nats`; the import gives its path. */
declare module "*/dist/.nats/nats-server" {
  const path: string;
  export default path;
}

/** Its version, `2.15.1`; the import gives the text. */
declare module "*/dist/.nats/version" {
  const version: string;
  export default version;
}
