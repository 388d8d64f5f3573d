// One conversation with @openai/agents-realtime, in node and in a page alike: a spoken
// turn, one spoken over, a tool, a client's own interruption, a mistake, the end.

const HEARD = "this is a test sentence";
const ANSWER = "This is the answer of the stub.";
const LIMIT_MS = 25_000;

function check(condition, message) {
  if (!condition) throw new Error(message);
}

async function until(condition, what, seen = () => "") {
  const late = Date.now() + LIMIT_MS;
  for (;;) {
    const value = condition();
    if (value) return value;
    if (Date.now() > late) throw new Error(`not within ${LIMIT_MS} ms: ${what}\n${seen()}`);
    await new Promise((go) => setTimeout(go, 20));
  }
}

const weather = (library, asked) =>
  library.tool({
    name: "weather",
    description: "The weather of a place.",
    parameters: {
      type: "object",
      properties: { place: { type: "string" } },
      required: ["place"],
      additionalProperties: false,
    },
    strict: true,
    execute: async ({ place }) => {
      asked.push(place);
      return "sunny";
    },
  });

/**
 * @param library What the package exports.
 * @param code The README's lines; they make and connect `session`.
 * @param speak Says the question, given the session; null where a microphone does.
 * @param audioInEvents Whether audio comes in events (WebSocket) or not (WebRTC).
 * @returns The session, closed, and how many bytes of audio came in events.
 */
export async function conversation({ library, code, speak, audioInEvents, connected }) {
  const asked = [];
  const tools = [weather(library, asked)];
  const agent = new library.RealtimeAgent({ name: "host", instructions: "Be brief.", tools });
  const names = { ...library, agent };
  const Run = Object.getPrototypeOf(async () => {}).constructor;
  const session = await new Run(...Object.keys(names), `${code}\nreturn session;`)(
    ...Object.values(names),
  );

  let bytes = 0;
  const counts = {};
  const errors = [];
  const seen = [];
  session.on("audio", (event) => (bytes += event.data.byteLength));
  session.on("error", (event) => errors.push(event.error));
  for (const name of ["agent_start", "agent_end", "agent_tool_end", "audio_interrupted"]) {
    session.on(name, () => (counts[name] = (counts[name] ?? 0) + 1));
  }
  session.on("transport_event", (event) => seen.push(event.type));
  const told = () => `${seen.slice(-40).join(" ")}\n${JSON.stringify(errors).slice(0, 2000)}`;
  const said = (role) =>
    session.history
      .filter((item) => item.type === "message" && item.role === role)
      .map((item) => item.content.map((part) => part.transcript ?? part.text ?? "").join(""));
  const count = (name, least) => until(() => (counts[name] ?? 0) >= least, `${name} ${least}`, told);

  await connected?.(session);
  await speak?.(session);
  await until(() => said("user").includes(HEARD), "the words of the user", told);
  await until(() => said("assistant").includes(ANSWER), "the answer", told);
  if (audioInEvents) await until(() => bytes > 0, "audio", told);

  const updates = seen.filter((type) => type === "session.updated").length;
  const brief = new library.RealtimeAgent({ name: "host", instructions: "Be briefer.", tools });
  await session.updateAgent(brief);
  await until(
    () => seen.filter((type) => type === "session.updated").length > updates,
    "the update of the session",
    told,
  );

  await speak?.(session);
  await count("agent_end", 2);
  await until(
    () => said("assistant")[0] !== ANSWER && ANSWER.startsWith(said("assistant")[0]),
    "the truncation of the first answer",
    () => `${JSON.stringify(said("assistant"))}\n${told()}`,
  );
  if (audioInEvents) check(counts.audio_interrupted >= 1, "audio_interrupted was not told");
  await until(() => said("assistant")[1] === ANSWER, "the second answer", told);

  session.sendMessage("Please use the tool.");
  await count("agent_tool_end", 1);
  await until(() => said("assistant").some((text) => text.includes("sunny")), "its result", told);
  check(asked[0] === "stub", `the tool was asked for ${asked}`);
  await count("agent_end", 4);

  const starts = counts.agent_start;
  session.sendMessage("A long answer please.");
  await count("agent_start", starts + 1);
  const before = bytes;
  await until(() => !audioInEvents || bytes > before, "the beginning of it", told);
  session.interrupt();
  await until(() => seen.slice(-30).includes("response.done"), "its end", told);
  check(!said("assistant").some((text) => text.includes("number 40")), "it was said whole");

  check(errors.length === 0, `errors: ${told()}`);
  session.transport.sendEvent({ type: "no.such.event", event_id: "event_of_ours" });
  const fault = await until(() => errors[0], "the error", told);
  check(JSON.stringify(fault).includes("unknown_event"), JSON.stringify(fault));
  session.close();
  return { bytes, said: said("assistant") };
}
