import type { OutgoingHttpHeaders } from "node:http2";
import type { ExchangeRequest } from "./exchange.ts";

export interface RequestHeadersOptions {
  readonly isTls: boolean;
  readonly authority: string;
  readonly userAgent: string;
  /** Supported versions of the protocol, comma separated: `v1`. */
  readonly protoVersions: string;
}

/** The head of every call to one address. Source: spec "rpc", section 6, item 1. */
export class RequestHeaders {
  private readonly options: RequestHeadersOptions;
  private readonly scheme: string;

  constructor(options: RequestHeadersOptions) {
    this.options = options;
    this.scheme = options.isTls ? "https" : "http";
  }

  /** @returns headers in the order of the wire, all values printable ASCII as long as the sid is */
  of(request: ExchangeRequest): OutgoingHttpHeaders {
    const { authority, userAgent, protoVersions } = this.options;
    const head: OutgoingHttpHeaders = {
      ":method": "POST",
      ":scheme": this.scheme,
      ":path": request.path,
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": userAgent,
    };
    if (request.timeout !== "") head["grpc-timeout"] = request.timeout;
    head["sid"] = request.sid;
    head["protov"] = protoVersions;
    return head;
  }
}
