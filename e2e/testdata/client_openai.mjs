// The openai package asks for a chat completion as a stream, and tells the server
// after each piece that it has come; then it asks for one in a piece.
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/node_modules/");
const { OpenAI } = require("openai");
const undici = require("undici");

const ca = fs.readFileSync(process.env.CA);
const dispatcher = process.env.PROXY
  ? new undici.ProxyAgent({ uri: process.env.PROXY, requestTls: { ca } })
  : new undici.Agent({ allowH2: process.env.VERSION === "2", connect: { ca } });
const ask = (url, options) => undici.fetch(url, { ...options, dispatcher });

const base = process.env.ORIGIN;
const client = new OpenAI({ apiKey: "key", baseURL: base + "/v1", fetch: ask, maxRetries: 0 });
const request = { model: "small", messages: [{ role: "user", content: "Count to five." }] };

const stream = await client.chat.completions.create({ ...request, stream: true });
for await (const piece of stream) {
  const text = piece.choices[0]?.delta?.content;
  if (!text) continue;
  console.log("piece", text);
  await (await ask(base + "/came", { method: "POST", body: text })).text();
}
const whole = await client.chat.completions.create(request);
console.log("whole", whole.choices[0].message.content);
await dispatcher.close();
