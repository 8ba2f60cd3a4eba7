import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A headless browser of the system. @throws with the command that installs it when it is missing */
export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing: apt-get install --yes chromium`);
  }
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGS });
}

/** A page with scripts loaded, from an address of its own: a browser sends its origin along. */
export class ScriptedPage {
  readonly origin: string;
  readonly page: Page;
  private readonly server: Bun.Server<undefined>;

  private constructor(page: Page, server: Bun.Server<undefined>, origin: string) {
    this.page = page;
    this.server = server;
    this.origin = origin;
  }

  /** @param script path of a JavaScript file for browsers */
  static async open(browser: Browser, script: string): Promise<ScriptedPage> {
    const html = '<!doctype html><title>test</title><script src="/script.js"></script>';
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      routes: {
        "/": () => new Response(html, { headers: { "Content-Type": "text/html" } }),
        "/script.js": () => new Response(Bun.file(script)),
      },
      fetch: () => new Response(null, { status: 404 }),
    });
    const origin = `http://127.0.0.1:${server.port}`;
    const page = await browser.newPage();
    await page.goto(origin);
    return new ScriptedPage(page, server, origin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
    await this.server.stop(true);
  }
}
