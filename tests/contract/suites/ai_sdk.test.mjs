// Vercel's AI SDK with its provider for OpenAI-compatible servers, against the starter models.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { cosineSimilarity, embed, embedMany, generateText, jsonSchema, Output, streamText, tool } from "ai";

const provider = createOpenAICompatible({
  name: "mlxq",
  baseURL: `${process.env.MLXQ_URL}/v1`,
  apiKey: "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = provider.chatModel("smollm2-135m-instruct");
const vectors = provider.embeddingModel("all-minilm-l6-v2");
const prompt = "What is the capital of France?";
const weather = tool({
  description: "Tells the weather.",
  inputSchema: jsonSchema({
    type: "object",
    properties: { city: { type: "string", maxLength: 12 }, unit: { enum: ["C", "F"] } },
    required: ["city", "unit"],
    additionalProperties: false,
  }),
});

test("a text", async () => {
  const answer = await generateText({ model, prompt, temperature: 0, maxOutputTokens: 16 });
  assert.match(answer.text, /Paris/);
  assert.ok(answer.usage.inputTokens > 0 && answer.usage.outputTokens > 0);
  assert.equal(answer.response.modelId, "smollm2-135m-instruct");
});

test("a stream adds up to the same text", async () => {
  const asked = { model, prompt, temperature: 0, maxOutputTokens: 16 };
  const stream = streamText(asked);
  let text = "";
  let pieces = 0;
  for await (const piece of stream.textStream) {
    text += piece;
    pieces += 1;
  }
  assert.equal(text, (await generateText(asked)).text);
  assert.ok(pieces > 3);
  assert.ok((await stream.usage).outputTokens > 0);
});

test("a system prompt and several turns", async () => {
  const messages = [
    { role: "user", content: "My name is Ada." },
    { role: "assistant", content: "Hello Ada." },
    { role: "user", content: [{ type: "text", text: "What is my name?" }] },
  ];
  const answer = await generateText({ model, system: "You are brief.", messages, maxOutputTokens: 8 });
  assert.ok(answer.text.length > 0);
});

test("an answer that is cut off says so", async () => {
  const answer = await generateText({ model, prompt: "Count to a hundred.", temperature: 0, maxOutputTokens: 2 });
  assert.equal(answer.finishReason, "length");
});

test("an object of a schema", async () => {
  const schema = jsonSchema({
    type: "object",
    properties: { city: { type: "string", maxLength: 12 }, capital: { type: "boolean" } },
    required: ["city", "capital"],
    additionalProperties: false,
  });
  const answer = await generateText({ model, prompt, output: Output.object({ schema }), maxOutputTokens: 100 });
  assert.equal(typeof answer.output.city, "string");
  assert.equal(typeof answer.output.capital, "boolean");
});

for (const toolChoice of ["required", { type: "tool", toolName: "weather" }]) {
  const asked = { model, prompt: "How is the weather in Paris?", tools: { weather }, toolChoice, maxOutputTokens: 120 };

  test(`a call of a tool, ${JSON.stringify(toolChoice)}`, async () => {
    const answer = await generateText(asked);
    assert.equal(answer.finishReason, "tool-calls");
    const [call] = answer.toolCalls;
    assert.equal(call.toolName, "weather");
    assert.ok(["C", "F"].includes(call.input.unit));
  });

  test(`a streamed call of a tool, ${JSON.stringify(toolChoice)}`, async () => {
    const [call] = await streamText(asked).toolCalls;
    assert.equal(call.toolName, "weather");
    assert.ok(["C", "F"].includes(call.input.unit));
  });
}

test("a tool's result goes back", async () => {
  const call = { type: "tool-call", toolCallId: "call_1", toolName: "weather", input: { city: "Paris", unit: "C" } };
  const result = { type: "tool-result", toolCallId: "call_1", toolName: "weather", output: { type: "text", value: "21" } };
  const messages = [
    { role: "user", content: "How is the weather in Paris?" },
    { role: "assistant", content: [call] },
    { role: "tool", content: [result] },
  ];
  const answer = await generateText({ model, messages, tools: { weather }, toolChoice: "none", maxOutputTokens: 8 });
  assert.ok(answer.text.length > 0);
});

test("vectors", async () => {
  const values = ["The cat sits on the mat.", "A cat is sitting on a rug.", "Stock markets fell."];
  const { embeddings, usage } = await embedMany({ model: vectors, values });
  assert.ok(cosineSimilarity(embeddings[0], embeddings[1]) > cosineSimilarity(embeddings[0], embeddings[2]));
  assert.ok(usage.tokens > 0);
  const { embedding } = await embed({ model: vectors, value: values[0] });
  assert.deepEqual(embedding, embeddings[0]);
});

test("an error has its status and its words", async () => {
  const missing = provider.chatModel("missing");
  await assert.rejects(generateText({ model: missing, prompt, maxRetries: 0 }), (error) => {
    assert.equal(error.statusCode, 404);
    assert.match(error.message, /missing/);
    return true;
  });
});
