/** What the server is told, as users write it (spec "messaging", section 17); empty texts and 0 mean "not given". */
export interface EmbeddedNatsOptions {
  /** `nats://host:port`, both needed. */
  readonly serviceAddr: string;
  /** Made from the service address and three random characters unless given. */
  readonly name: string;
  readonly clusterAddr: string;
  /** Also the name of the gateway. */
  readonly clusterName: string;
  readonly routes: readonly string[];
  readonly gatewayAddr: string;
  /** `host:port` */
  readonly gatewayAdvertise: string;
  /** `name:url,url` each. */
  readonly gateways: readonly string[];
  readonly isJetstream: boolean;
  /** `<temporary folder>/nats-data/<server name>` unless given. */
  readonly storeDir: string;
  readonly jetstreamReadyTimeoutS: number;
  /** 1 MiB unless given. */
  readonly maxPayloadBytes: number;
  readonly isDebug: boolean;
  readonly isTrace: boolean;
}
