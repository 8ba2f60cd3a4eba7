import { expect, test } from "bun:test";
import { PublicController } from "../../../src/controllers/identity/public.ts";
import { client, openSignal } from "../clients.ts";
import { DONE_BY_APPLICATION, RecordingController } from "../recording-controller.ts";

test("PublicController lets everybody in under the session id, without the application", async () => {
  const application = new RecordingController();
  const controller = new PublicController({ next: application });

  expect(await controller.authenticate(client())).toEqual({
    status: "success",
    identifiers: '{"sid":"s1"}',
    transmissions: [{ type: "welcome", sid: "s1", restoredIds: null }],
    cstate: null,
    interest: false,
  });
  expect(application.calls).toEqual([]);
});

// The sid may be the client's choice (X-Request-ID): pasted in as it is, it could break or forge identifiers.
test("PublicController writes identifiers that are JSON, whatever the session id", async () => {
  const controller = new PublicController({ next: new RecordingController() });

  const result = await controller.authenticate(client({ sid: 'a"b\\c' }));

  expect(result).toMatchObject({ identifiers: '{"sid":"a\\"b\\\\c"}' });
});

test("PublicController passes all commands to the wrapped controller", async () => {
  const application = new RecordingController();
  const controller = new PublicController({ next: application });
  const signal = openSignal();

  expect(await controller.subscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await controller.perform(client(), "i", "{}", signal)).toEqual(DONE_BY_APPLICATION);
  expect(await controller.unsubscribe(client(), "i", signal)).toEqual(DONE_BY_APPLICATION);
  await controller.disconnect(client(), ["i"]);

  expect(application.calls).toEqual([
    ["subscribe", "s1", "i"],
    ["perform", "s1", "i", "{}"],
    ["unsubscribe", "s1", "i"],
    ["disconnect", "s1", "i"],
  ]);
});
