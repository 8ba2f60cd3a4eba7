import type { Settings } from "../config/settings.ts";
import type { Log } from "../ports/log.ts";
import type { DescriptorGuard } from "../transports/http/descriptor-guard.ts";
import { Listener } from "../transports/http/listener.ts";
import type { TlsPair } from "./tls.ts";

/** A frame of the runtime may hold this much more than a message may: we end such a connection ourselves, politely. */
const PAYLOAD_MARGIN_BYTES = 1024 * 1024;
const UNLIMITED_PAYLOAD_BYTES = 256 * 1024 * 1024;
const MIN_BODY_BYTES = 1024 * 1024;

/** The ports of the server. Components that name the same host and port share one listener. */
export class Listeners {
  private readonly byAddress = new Map<string, Listener>();
  private readonly dispensable = new Set<Listener>();
  private readonly settings: Settings;
  private readonly tls: TlsPair | null;
  private readonly deps: { readonly log: Log; readonly descriptors: DescriptorGuard };

  constructor(settings: Settings, tls: TlsPair | null, deps: Listeners["deps"]) {
    this.settings = settings;
    this.tls = tls;
    this.deps = deps;
  }

  /** @param name what the listener is called when this component is its first */
  at(host: string, port: number, name: string): Listener {
    const listener = this.find(host, port, name);
    this.dispensable.delete(listener);
    return listener;
  }

  /** A listener that the server can live without, unless another component needs it. */
  atBest(host: string, port: number, name: string): Listener {
    const isNew = !this.byAddress.has(`${host} ${port}`);
    const listener = this.find(host, port, name);
    if (isNew) this.dispensable.add(listener);
    return listener;
  }

  /** False for a listener whose failure is only worth a line. */
  isRequired(listener: Listener): boolean {
    return !this.dispensable.has(listener);
  }

  private find(host: string, port: number, name: string): Listener {
    const key = `${host} ${port}`;
    const known = this.byAddress.get(key);
    known?.share(name);
    if (known !== undefined) return known;
    const { ws, httpBroadcast } = this.settings;
    const isUnlimited = ws.maxMessageBytes <= 0;
    const listener = new Listener(
      {
        name,
        host,
        port,
        tls: this.tls,
        isCompressed: ws.isCompressed,
        maxPayloadBytes: isUnlimited
          ? UNLIMITED_PAYLOAD_BYTES
          : ws.maxMessageBytes + PAYLOAD_MARGIN_BYTES,
        // A little more than the cap of the endpoints: they answer first.
        maxBodyBytes: Math.max(MIN_BODY_BYTES, httpBroadcast.maxBodyBytes * 2),
      },
      { log: this.deps.log.with({ context: "http" }), descriptors: this.deps.descriptors },
    );
    this.byAddress.set(key, listener);
    return listener;
  }

  get all(): readonly Listener[] {
    return [...this.byAddress.values()];
  }
}
