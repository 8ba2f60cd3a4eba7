import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Paths of PEM files in one folder: a CA, what it has signed for 127.0.0.1 and localhost, and a key of nobody. Remove the folder. */
export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly otherKey: string;
}

/** Made by `openssl`, valid for a day. */
export async function createCertificates(): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), "cableway-certs-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const ca = ["-x509", "-keyout", file("ca.key"), "-out", file("ca.crt"), "-subj", "/CN=test-ca"];
  await openssl(["req", ...ec, ...ca, "-days", "1"]);
  const request = ["-keyout", file("s.key"), "-out", file("s.csr"), "-subj", "/CN=localhost"];
  await openssl(["req", ...ec, ...request]);
  const signing = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"];
  const output = ["-in", file("s.csr"), "-out", file("s.crt"), "-extfile", file("san")];
  await openssl(["x509", "-req", ...output, ...signing, "-days", "1"]);
  return {
    folder,
    ca: file("ca.crt"),
    cert: file("s.crt"),
    key: file("s.key"),
    otherKey: file("ca.key"),
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...args], { stderr: "pipe", stdout: "ignore" });
  if ((await child.exited) === 0) return;
  throw new Error(`openssl ${args[0]}: ${await new Response(child.stderr).text()}`);
}
