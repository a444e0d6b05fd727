// OpenAI's client for JavaScript against a running service: client.mjs BASE_URL FILE TEXT. Ends with 1 at the first that is wrong.
import assert from "node:assert/strict";
import fs from "node:fs";
import OpenAI from "openai";

const [baseURL, path, text] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const transcribe = (parameters) =>
  client.audio.transcriptions.create({ file: fs.createReadStream(path), model: "whisper-1", ...parameters });
const refused = (promise, status, code, param) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
    return true;
  });

assert.equal((await transcribe({})).text, text);
assert.equal((await transcribe({ language: "de", prompt: "x", temperature: 0.2, chunking_strategy: "auto" })).text, text);
assert.equal(await transcribe({ response_format: "text" }), `${text}\n`);
assert.match(await transcribe({ response_format: "srt" }), /^1\n00:00:00,000 --> /);
assert.match(await transcribe({ response_format: "vtt" }), /^WEBVTT\n\n00:00:00\.000 --> /);

const verbose = await transcribe({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] });
assert.equal(verbose.words.map((word) => word.word).join(" "), text);
assert.equal(verbose.segments.length, 1);

const events = [];
for await (const event of await transcribe({ stream: true })) events.push(event);
assert.deepEqual(events.map((event) => event.type), ["transcript.text.delta", "transcript.text.done"]);
assert.equal(events[1].text, text);

const translation = await client.audio.translations.create({ file: fs.createReadStream(path), model: "whisper-1" });
assert.equal(translation.text, text);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.deepEqual(models, ["base.en", "whisper-1"]);
assert.equal((await client.models.retrieve("base.en")).object, "model");

await refused(transcribe({ model: "gpt-9" }), 404, "model_not_found", "model");
await refused(transcribe({ temperature: 2 }), 400, "invalid_value", "temperature");
await refused(transcribe({ response_format: "diarized_json" }), 400, "invalid_value", "response_format");
for (const parameter of [
  { include: ["logprobs"] }, { keywords: ["x"] }, { languages: ["de"] }, { known_speaker_names: ["x"] },
  { known_speaker_references: ["data:,"] }, { chunking_strategy: { type: "server_vad" } },
])
  await refused(transcribe(parameter), 400, "unsupported_parameter", Object.keys(parameter)[0]);
