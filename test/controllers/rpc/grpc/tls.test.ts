import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type TlsOptions as ServerTlsOptions } from "node:tls";
import {
  isTlsOn,
  loadTlsSettings,
  type TlsOptions,
} from "../../../../src/controllers/rpc/grpc/tls.ts";
import { type Certificates, createCertificates } from "../../../support/certificates.ts";
import { startGrpcBackend } from "../../../support/grpc-backend.ts";
import { RawConnection } from "../../../support/grpc-backend-raw.ts";
import { DEFAULTS, NEVER, openRoom, someClient } from "../room.ts";

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});
afterAll(() => rmSync(certificates.folder, { recursive: true }));

const tls = (options: Partial<TlsOptions>): TlsOptions => ({ ...DEFAULTS.tls, ...options });
const read = (path: string) => readFileSync(path, "utf8");

describe("settings", () => {
  test("A root certificate switches TLS on", () => {
    expect(isTlsOn(tls({}))).toBe(false);
    expect(isTlsOn(tls({ isEnabled: true }))).toBe(true);
    expect(isTlsOn(tls({ rootCa: certificates.ca }))).toBe(true);
  });

  test("A root certificate is a file or PEM text, however long (rpc#40)", () => {
    const pem = read(certificates.ca);
    const long = `${"comment ".repeat(1000)}\n${pem}`;

    expect(loadTlsSettings(tls({ rootCa: certificates.ca })).ca).toBe(pem);
    expect(loadTlsSettings(tls({ rootCa: pem })).ca).toBe(pem);
    expect(loadTlsSettings(tls({ rootCa: long })).ca).toBe(long);
  });

  test("Text that is no certificate is refused, also behind a good one", () => {
    const file = join(certificates.folder, "bad.pem");
    writeFileSync(file, "nope");
    const pem = read(certificates.ca);
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

    for (const rootCa of ["garbage", file, read(certificates.key), `${pem}${broken}`]) {
      expect(() => loadTlsSettings(tls({ rootCa }))).toThrow(
        "failed to parse RPC root CA certificate",
      );
    }
  });

  test("A folder is no file: its name is taken as text, which is no certificate", () => {
    expect(() => loadTlsSettings(tls({ rootCa: certificates.folder }))).toThrow(
      "failed to parse RPC root CA certificate",
    );
  });
});

/** A peer behind TLS that says yes to every call. */
async function tlsPeer(
  options: ServerTlsOptions,
  ip = "127.0.0.1",
): Promise<{ readonly port: number } & Disposable> {
  const connections: RawConnection[] = [];
  const server = createServer(options, (socket) => {
    const connection = new RawConnection(socket, {}, (streamId) =>
      connection.reply(streamId, Buffer.from("0801", "hex")),
    );
    connections.push(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, ip, resolve));
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    [Symbol.dispose]: () => {
      for (const connection of connections) connection.cut();
      server.close();
    },
  };
}

async function connectWith(host: string, options: TlsOptions) {
  await using room = await openRoom({ host, tls: options });
  return await room.controller.authenticate(someClient(), NEVER);
}

describe("connections", () => {
  test("A server whose authority is given is trusted, by IP and by name", async () => {
    const files = { key: read(certificates.key), cert: read(certificates.cert) };
    const backend = await startGrpcBackend({ tls: files });
    const options = tls({ rootCa: certificates.ca });
    try {
      expect((await connectWith(backend.host, options)).status).toBe("success");
      expect((await connectWith(`localhost:${backend.port}`, options)).status).toBe("success");
      const list = `grpc-list://localhost:${backend.port}`;
      expect((await connectWith(list, options)).status).toBe("success");
    } finally {
      await backend.stop();
    }
  });

  test("A server of an unknown authority is refused, unless nothing is verified", async () => {
    const files = { key: read(certificates.key), cert: read(certificates.cert) };
    using peer = await tlsPeer({ ...files, ALPNProtocols: ["h2"] });
    const host = `127.0.0.1:${peer.port}`;

    expect((await connectWith(host, tls({ isEnabled: true }))).status).toBe("error");
    const trusting = tls({ isEnabled: true, isVerified: false });
    expect((await connectWith(host, trusting)).status).toBe("success");
  });

  test("A certificate for another address is refused, unless nothing is verified", async () => {
    const files = { key: read(certificates.key), cert: read(certificates.cert) };
    using peer = await tlsPeer({ ...files, ALPNProtocols: ["h2"] }, "127.0.0.2");
    const host = `127.0.0.2:${peer.port}`;
    const rootCa = certificates.ca;

    expect((await connectWith(host, tls({ rootCa }))).status).toBe("error");
    expect((await connectWith(host, tls({ rootCa, isVerified: false }))).status).toBe("success");
  });

  test("A server without ALPN is refused by name, unless that is tolerated (rpc#40)", async () => {
    const files = { key: read(certificates.key), cert: read(certificates.cert) };
    using peer = await tlsPeer(files);
    const host = `127.0.0.1:${peer.port}`;
    const rootCa = certificates.ca;
    await using room = await openRoom({ host, tls: tls({ rootCa }), commandTimeoutMs: 50 });

    const refused = await room.controller.authenticate(someClient(), NEVER);
    expect(refused.status === "error" && refused.error).toContain("missing selected ALPN property");
    const tolerant = await connectWith(host, tls({ rootCa, isAlpnRequired: false }));
    expect(tolerant.status).toBe("success");
  });

  test("A server that speaks TLS 1.1 at most is refused", async () => {
    const files = { key: read(certificates.key), cert: read(certificates.cert) };
    using peer = await tlsPeer({ ...files, minVersion: "TLSv1", maxVersion: "TLSv1.1" });

    const host = `127.0.0.1:${peer.port}`;
    await using room = await openRoom({ host, tls: tls({ rootCa: certificates.ca }) });

    await room.controller.authenticate(someClient(), NEVER);

    const lost = room.log.records.find(({ message }) => message === "disconnected");
    expect(lost?.attributes["error"]).toContain("PROTOCOL_VERSION");
  });
});
