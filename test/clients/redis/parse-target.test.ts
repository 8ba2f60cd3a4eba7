import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listAddresses } from "../../../src/clients/redis/target.ts";
import { type Certificates, createCertificates } from "../../support/certificates.ts";
import { redisTarget } from "../../support/redis-options.ts";

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});
afterAll(() => rmSync(certificates.folder, { recursive: true, force: true }));

test("parseRedisTarget takes several addresses for a cluster; the first URL gives the rest", () => {
  const target = redisTarget("redis://u:p@a:1/0,redis://x:y@b:2,c");

  expect(target.mode).toBe("cluster");
  expect(listAddresses(target)).toBe("[a:1 b:2 c:6379]");
  expect(target.login).toEqual({ username: "u", password: "p" });
});

test("parseRedisTarget takes the host for the name of the primary when there are sentinels", () => {
  const target = redisTarget("redis://app:datapw@mymaster/6", {
    sentinels: [":sentpw@s1:26379", "s2"],
  });

  expect(target.mode).toBe("sentinel");
  expect([target.masterName, target.database]).toEqual(["mymaster", 6]);
  expect(target.login).toEqual({ username: "app", password: "datapw" });
  expect(listAddresses(target)).toBe("[s1:26379 s2:6379]");
  expect(target.sentinels.map(({ login }) => login.password)).toEqual(["sentpw", "sentpw"]);
});

test("parseRedisTarget takes the database from the sentinel's URL when the other names none", () => {
  expect(redisTarget("redis://m", { sentinels: ["redis://s/4"] }).database).toBe(4);
  expect(redisTarget("redis://m/0", { sentinels: ["redis://s/4"] }).database).toBe(0);
});

test("parseRedisTarget takes a URL with master_set for the sentinel itself", () => {
  const target = redisTarget("redis://:pw@s1:26379/2?master_set=m&addr=s2:26379");

  expect([target.mode, target.masterName, listAddresses(target)]).toEqual([
    "sentinel",
    "m",
    "[s1:26379 s2:26379]",
  ]);
  expect([target.login.password, target.sentinels[0]?.login.password]).toEqual(["pw", ""]);
});

test("parseRedisTarget decides TLS of data nodes and of each sentinel by their own schemes", () => {
  const target = redisTarget("rediss://m", { sentinels: ["s1", "rediss://s2"] });
  const other = redisTarget("redis://m", { sentinels: ["rediss://s1"] });

  expect([target.tls === null, other.tls === null, other.sentinelTls === null]).toEqual([
    false,
    true,
    false,
  ]);
  expect(target.sentinels.map(({ isTls }) => isTls)).toEqual([false, true]);
});

test("parseRedisTarget reads TLS files only for a TLS address", () => {
  const nowhere = { tlsCaCertPath: "/nowhere/ca.pem" };

  expect(redisTarget("redis://h", nowhere).tls).toBeNull();
  expect(() => redisTarget("rediss://h", nowhere)).toThrow(
    "failed to read Redis CA certificate: open /nowhere/ca.pem: no such file or directory",
  );
});

test("parseRedisTarget refuses a CA file without a readable certificate", () => {
  const { folder, key } = certificates;
  const broken = join(folder, "broken.pem");
  for (const text of ["", "no pem", fakeCertificate()]) {
    writeFileSync(broken, text);

    expect(() => redisTarget("rediss://h", { tlsCaCertPath: broken })).toThrow(
      "failed to parse Redis CA certificate",
    );
  }
  expect(() => redisTarget("rediss://h", { tlsCaCertPath: key })).toThrow(
    "failed to parse Redis CA certificate",
  );
});

test("parseRedisTarget wants a client certificate and its key, or neither", () => {
  const { cert, key, otherKey } = certificates;

  expect(redisTarget("rediss://h", { tlsClientCertPath: cert }).tls?.cert).toBe("");
  const both = { tlsClientCertPath: cert, tlsClientKeyPath: key };
  expect(redisTarget("rediss://h", both).tls?.key).toContain("PRIVATE KEY");
  expect(() => redisTarget("rediss://h", { ...both, tlsClientKeyPath: otherKey })).toThrow(
    "failed to load Redis client certificate: private key does not match the certificate",
  );
  expect(() => redisTarget("rediss://h", { ...both, tlsClientKeyPath: "/nowhere" })).toThrow(
    "failed to load Redis client certificate: open /nowhere: no such file or directory",
  );
});

function fakeCertificate(): string {
  return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
}
