// Sends events as the official JavaScript SDK lays them out.
//
// Reads {"url", "token", "events", "lines"} from stdin. Sends each event in both modes, the first
// mode taking turns, then the lines at once. Writes what was answered to stdout, as JSON.

import { CloudEvent, HTTP } from "cloudevents";
import { readFileSync } from "node:fs";

const task = JSON.parse(readFileSync(0, "utf8"));

// The SDK leaves this part of the HTTP binding (3.1.3.2) to its user.
const encoded = (value) =>
  String(value).replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));

async function post(headers, body) {
  const response = await fetch(`${task.url}/v1/events`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${task.token}` },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const modes = {
  structured: (event) => HTTP.structured(event),
  binary: (event) => {
    const { headers, body } = HTTP.binary(event);
    const names = Object.keys(headers);
    const values = names.map((name) => (name.startsWith("ce-") ? encoded(headers[name]) : headers[name]));
    const pairs = names.map((name, at) => [name, values[at]]);
    return { headers: Object.fromEntries(pairs), body };
  },
};

const answers = [];
for (const [number, event] of task.events.entries()) {
  const names = number % 2 === 0 ? Object.keys(modes) : Object.keys(modes).reverse();
  for (const mode of names) {
    const laidOut = modes[mode](new CloudEvent({ ...event, datacontenttype: "application/json" }));
    const { status, text } = await post(laidOut.headers, laidOut.body);
    answers.push({ mode, status, body: JSON.parse(text) });
  }
}
const lines = task.lines.map((line) => `${JSON.stringify(line)}\n`).join("");
const { status, text } = await post({ "content-type": "application/x-ndjson" }, lines);
const results = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
answers.push({ mode: "lines", status, body: results });
process.stdout.write(JSON.stringify(answers));
