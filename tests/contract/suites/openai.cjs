// OpenAI's SDK for Node, against the smallest model: responses, conversations, a websocket, stored chats and errors.

const assert = require("node:assert");
const OpenAI = require("openai");
const { ResponsesWS } = require("openai/resources/responses/ws");

const client = new OpenAI({ baseURL: `${process.env.MLXQ_URL}/v1`, apiKey: "none", maxRetries: 0 });
const MODEL = "smollm2-135m-instruct";
const SAID = "The capital of France is Paris.";
const QUESTION = "What is the capital of France?";
const asked = { model: MODEL, input: QUESTION, max_output_tokens: 40, temperature: 0 };

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

async function responses() {
  const response = await client.responses.create(asked);
  assert.deepStrictEqual([response.output_text, response.status], [SAID, "completed"]);
  const { output } = await client.responses.retrieve(response.id);
  assert.deepStrictEqual(output, response.output);
  const [item] = await all(client.responses.inputItems.list(response.id));
  assert.strictEqual(item.content[0].text, QUESTION);

  let text = "";
  const stream = client.responses.stream({ ...asked, previous_response_id: response.id });
  stream.on("response.output_text.delta", (event) => (text += event.delta));
  const streamed = await stream.finalResponse();
  assert.ok(text.length > 0 && streamed.previous_response_id === response.id);
  assert.strictEqual(streamed.output_text, text);

  const kinds = [];
  for await (const event of await client.responses.create({ ...asked, stream: true })) kinds.push(event.type);
  assert.deepStrictEqual([kinds[0], kinds.at(-1)], ["response.created", "response.completed"]);
  const again = [];
  for await (const event of await client.responses.retrieve(response.id, { stream: true })) again.push(event.type);
  assert.strictEqual(again.at(-1), "response.completed");

  const endless = { ...asked, input: "Write a very long story.", max_output_tokens: 4000, background: true };
  const later = await client.responses.create(endless);
  assert.ok(["queued", "in_progress"].includes(later.status));
  assert.strictEqual((await client.responses.cancel(later.id)).status, "cancelled");

  const look = { type: "function", name: "look", strict: true, parameters: {
    type: "object", properties: { what: { enum: ["it"] } }, required: ["what"], additionalProperties: false } };
  const called = await client.responses.create({ ...asked, tools: [look], tool_choice: "required" });
  const [call] = called.output.filter((one) => one.type === "function_call");
  assert.deepStrictEqual(JSON.parse(call.arguments), { what: "it" });

  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
}

async function websocket() {
  const ws = new ResponsesWS(client);
  const events = ws[Symbol.asyncIterator]();
  let previous = null;
  for (const input of [QUESTION, "And of Italy?"]) {
    ws.send({ type: "response.create", ...asked, input, store: false, previous_response_id: previous });
    let ended = null;
    while (ended === null) {
      const { value } = await events.next();
      assert.notStrictEqual(value.type, "error");
      const event = value.type === "message" ? value.message : value;
      if (["response.completed", "response.incomplete"].includes(event.type)) ended = event.response;
    }
    assert.strictEqual(ended.previous_response_id, previous);
    previous = ended.id;
  }
  ws.close();
}

async function conversations() {
  const items = [{ type: "message", role: "user", content: "My name is Ada." }];
  const conversation = await client.conversations.create({ items, metadata: { topic: "names" } });
  const response = await client.responses.create({ ...asked, conversation: conversation.id });
  assert.strictEqual(response.conversation.id, conversation.id);
  const kept = await all(client.conversations.items.list(conversation.id, { order: "asc", limit: 2 }));
  assert.deepStrictEqual(kept.map((one) => one.role), ["user", "user", "assistant"]);
  const one = await client.conversations.items.retrieve(kept[2].id, { conversation_id: conversation.id });
  assert.deepStrictEqual(one.content[0].text, response.output_text);
  const updated = await client.conversations.update(conversation.id, { metadata: { topic: "people" } });
  assert.deepStrictEqual(updated.metadata, { topic: "people" });
  assert.ok((await client.conversations.delete(conversation.id)).deleted);
}

async function chats() {
  const messages = [{ role: "user", content: QUESTION }];
  const chat = { model: MODEL, messages, max_tokens: 40, temperature: 0, metadata: { run: "node" } };
  const stored = await client.chat.completions.create({ ...chat, store: true });
  const listed = await all(client.chat.completions.list({ metadata: { run: "node" } }));
  assert.deepStrictEqual(listed.map((one) => one.id), [stored.id]);
  const [said] = await all(client.chat.completions.messages.list(stored.id));
  assert.strictEqual(said.content, QUESTION);
  assert.strictEqual((await client.chat.completions.retrieve(stored.id)).choices[0].message.content, SAID);
  assert.ok((await client.chat.completions.delete(stored.id)).deleted);
}

async function main() {
  for (const part of [responses, websocket, conversations, chats]) {
    await part();
    console.log(`openai.cjs: ${part.name} passed`);
  }
}

main();
