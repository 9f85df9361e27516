// Anthropic's SDK for Node, against the smallest model: answers, streams, tokens, models, batches and errors.

const assert = require("node:assert");
const { Anthropic, NotFoundError } = require("@anthropic-ai/sdk");

const client = new Anthropic({ baseURL: process.env.MLXQ_URL, apiKey: "none", maxRetries: 0 });
const MODEL = "smollm2-135m-instruct";
const SAID = "The capital of France is Paris.";
const asked = {
  model: MODEL,
  max_tokens: 40,
  temperature: 0,
  messages: [{ role: "user", content: "What is the capital of France?" }],
};
const look = { name: "look", input_schema: { type: "object", properties: { what: { enum: ["it"] } }, required: ["what"] } };

async function main() {
  const message = await client.messages.create(asked);
  assert.deepStrictEqual(message.content, [{ type: "text", text: SAID }]);
  assert.ok(message._request_id);

  let text = "";
  const stream = client.messages.stream(asked).on("text", (piece) => (text += piece));
  const final = await stream.finalMessage();
  assert.deepStrictEqual([text, final.stop_reason], [SAID, "end_turn"]);

  const called = await client.messages.stream({ ...asked, tools: [look], tool_choice: { type: "any" } }).finalMessage();
  assert.deepStrictEqual([called.stop_reason, called.content[0].input], ["tool_use", { what: "it" }]);
  const result = { type: "tool_result", tool_use_id: called.content[0].id, content: "It is a cat." };
  const turns = [...asked.messages, { role: "assistant", content: called.content }, { role: "user", content: [result] }];
  const answer = await client.messages.create({ ...asked, messages: turns, tools: [look], tool_choice: { type: "none" } });
  assert.strictEqual(answer.content[0].type, "text");

  const counted = await client.messages.countTokens({ model: MODEL, messages: asked.messages });
  assert.strictEqual(counted.input_tokens, message.usage.input_tokens + message.usage.cache_read_input_tokens);

  const models = [];
  for await (const model of client.models.list({ limit: 1 })) models.push(model.id);
  assert.ok(models.includes(MODEL));

  let batch = await client.messages.batches.create({ requests: [{ custom_id: "a", params: asked }] });
  while (batch.processing_status !== "ended") {
    await new Promise((done) => setTimeout(done, 200));
    batch = await client.messages.batches.retrieve(batch.id);
  }
  for await (const one of await client.messages.batches.results(batch.id)) {
    assert.deepStrictEqual([one.custom_id, one.result.message.content[0].text], ["a", SAID]);
  }
  assert.strictEqual((await client.messages.batches.delete(batch.id)).type, "message_batch_deleted");

  await assert.rejects(client.messages.create({ ...asked, model: "none" }), (error) => {
    assert.ok(error instanceof NotFoundError);
    return error.error.error.type === "not_found_error";
  });
  console.log("anthropic.cjs passed");
}

main();
