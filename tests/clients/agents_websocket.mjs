// @openai/agents-realtime over a WebSocket, in node.

import { readFileSync } from "node:fs";
import * as library from "@openai/agents-realtime";
import { conversation } from "./conversation.mjs";

const CHUNK = 960; // bytes of 20 ms at 24 kHz
const { QUESTION_WAV, README_LINES } = process.env;

async function speak(session) {
  const pcm = Buffer.concat([readFileSync(QUESTION_WAV).subarray(44), Buffer.alloc(48_000)]);
  const began = Date.now();
  for (let at = 0; at < pcm.length; at += CHUNK) {
    const due = began + (at / CHUNK) * 20;
    await new Promise((go) => setTimeout(go, Math.max(0, due - Date.now())));
    session.sendAudio(new Uint8Array(pcm.subarray(at, at + CHUNK)).buffer);
  }
}

const limit = setTimeout(() => {
  console.error("not done in time");
  process.exit(1);
}, 100_000);
const { bytes } = await conversation({ library, code: README_LINES, speak, audioInEvents: true });
if (bytes < 8 * 48_000) throw new Error(`only ${bytes} bytes of audio`);
clearTimeout(limit);
console.log("all of it worked");
