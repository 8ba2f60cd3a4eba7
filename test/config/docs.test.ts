import { expect, test } from "bun:test";
import { configurationPage } from "../../scripts/config-docs.ts";

test("docs/configuration.md is what scripts/config-docs.ts makes of the option table", async () => {
  const page = new URL("../../docs/configuration.md", import.meta.url);

  expect(await Bun.file(page).text()).toBe(configurationPage());
});
