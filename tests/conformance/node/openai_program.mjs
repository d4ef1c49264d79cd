/* Run conformance steps through the OpenAI SDK for Node. The steps have the names and the values of the Python ones in
   the parent folder. The program runs in the folder of the environment with the same JSON argument; `kind` is the name
   of the package, which may be an older major version. */

import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const programInput = JSON.parse(process.argv[2]);
const sdk = await import(pathToFileURL(join(process.cwd(), "node_modules", programInput.kind, "index.mjs")).href);
const { APIError, OpenAI, toFile } = sdk;

const client = new OpenAI({ maxRetries: 0 });
const ids = {};
const BASE = "openai.gpt-oss-20b";
const QWEN = "qwen.qwen3-32b";
const FUNCTION = {
  name: "count_books",
  description: "Count the books on a shelf.",
  parameters: {
    type: "object",
    properties: { shelf: { type: "integer" } },
    required: ["shelf"],
    additionalProperties: false,
  },
};
const TOOL = { type: "function", function: FUNCTION };
const SCHEMA = {
  type: "object",
  properties: { answer: { type: "integer" } },
  required: ["answer"],
  additionalProperties: false,
};

const messages = [{ role: "user", content: programInput.prompt }];
const chatRequest = { model: programInput.model, messages, temperature: 0 };
const method = {
  type: "reinforcement",
  reinforcement: {
    grader: { type: "lambda", lambda: { function: programInput.function } },
    hyperparameters: { batch_size: 4 },
  },
};

async function collectAll(source) {
  const items = [];
  for await (const item of await source) items.push(item);
  return items;
}

function toJson(item) {
  const { id, created_at, created, _request_id, ...rest } = item;
  return rest;
}

async function catchApiError(call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return {
      class: error.constructor.name,
      code: error.code,
      message: error.error?.message,
      param: error.param,
      "request id": Boolean(error.requestID),
      status: error.status,
      type: error.type,
    };
  }
  return "it was not error";
}

async function uploadFile(file) {
  const uploaded = await client.files.create({ file, purpose: "fine-tune" });
  ids[uploaded.filename] = uploaded.id;
  return toJson(uploaded);
}

async function createJob(order) {
  const metadata = { client: programInput.client, order };
  const job = await client.fineTuning.jobs.create({ model: BASE, training_file: ids["train.jsonl"], metadata, method });
  ids[order] = job.id;
  return job;
}

function createResponse(options = {}) {
  const { model, prompt } = programInput;
  return client.responses.create({ model, input: prompt, temperature: 0, ...options });
}

// JavaScript and Python name types differently; the expectations use Python's names.
function valueTypes(fields) {
  const typeName = (value) => (Number.isInteger(value) ? "int" : typeof value);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeName(value)]));
}

function summarizeStream(events) {
  const types = events.map((event) => event.type);
  const texts = events.filter((event) => event.type === "response.output_text.delta");
  return {
    numbers: events.every((event, index) => event.sequence_number === index),
    status: events.at(-1).response.status,
    text: texts.map((event) => event.delta).join(""),
    types: types.filter((name, index) => name !== types[index - 1]),
  };
}

const steps = {
  async models_list() {
    return (await collectAll(client.models.list())).filter((model) => !model.id.startsWith("ft:")).map(toJson);
  },
  async models_retrieve() {
    return toJson(await client.models.retrieve(programInput.model));
  },
  async models_unknown() {
    return catchApiError(() => client.models.retrieve("gpt-4o"));
  },
  async files_upload_path() {
    return uploadFile(createReadStream(programInput.training));
  },
  async files_upload_bytes() {
    return uploadFile(await toFile(readFileSync(programInput.training), "bytes.jsonl"));
  },
  async files_upload_stream() {
    return uploadFile(await toFile(Readable.from([readFileSync(programInput.training)]), "stream.jsonl"));
  },
  async files_list() {
    const own = new Set(Object.values(ids));
    const listed = await collectAll(client.files.list({ limit: 1, purpose: "fine-tune" }));
    return listed.filter((file) => own.has(file.id)).map((file) => file.filename);
  },
  async files_retrieve() {
    return toJson(await client.files.retrieve(ids["train.jsonl"]));
  },
  async files_content() {
    const digests = [];
    for (const name of ["train.jsonl", "bytes.jsonl", "stream.jsonl"]) {
      const content = await client.files.content(ids[name]);
      digests.push(createHash("sha256").update(Buffer.from(await content.arrayBuffer())).digest("hex"));
    }
    return digests;
  },
  async files_delete() {
    return toJson(await client.files.delete(ids["bytes.jsonl"]));
  },
  async files_deleted() {
    const error = await catchApiError(() => client.files.retrieve(ids["bytes.jsonl"]));
    return { ...error, message: error.message.replace(ids["bytes.jsonl"], "FILE") };
  },
  async files_wrong_purpose() {
    const file = await toFile(Buffer.from("{}\n"), "a.jsonl");
    return catchApiError(() => client.files.create({ file, purpose: "batch" }));
  },
  async jobs_create() {
    const job = toJson(await createJob("1"));
    return { ...job, training_file: job.training_file === ids["train.jsonl"] };
  },
  async jobs_list() {
    await createJob("2");
    await createJob("3");
    const listed = await collectAll(client.fineTuning.jobs.list({ limit: 2 }));
    return listed.filter((job) => job.metadata?.client === programInput.client).map((job) => job.metadata.order);
  },
  async jobs_retrieve() {
    const job = await client.fineTuning.jobs.retrieve(ids["2"]);
    return [job.id === ids["2"], job.status, job.metadata];
  },
  async jobs_cancel() {
    const cancelled = [];
    for (const order of "123") cancelled.push(await client.fineTuning.jobs.cancel(ids[order]));
    return cancelled.map((job) => [job.status, job.fine_tuned_model, job.finished_at === null]);
  },
  async jobs_cancel_again() {
    const error = await catchApiError(() => client.fineTuning.jobs.cancel(ids["1"]));
    return { ...error, message: error.message.replace(ids["1"], "JOB") };
  },
  async jobs_suffix() {
    const request = { model: BASE, training_file: ids["train.jsonl"], suffix: "mine", method };
    return catchApiError(() => client.fineTuning.jobs.create(request));
  },
  async jobs_unknown() {
    return catchApiError(() => client.fineTuning.jobs.retrieve("ftjob-none"));
  },
  async jobs_unknown_cursor() {
    return catchApiError(() => client.fineTuning.jobs.listEvents(programInput.job, { after: "ft-event-abc123" }));
  },
  async jobs_finished() {
    const { _request_id, ...job } = await client.fineTuning.jobs.retrieve(programInput.job);
    return job;
  },
  async events_list() {
    return collectAll(client.fineTuning.jobs.listEvents(programInput.job, { limit: 10 }));
  },
  async checkpoints_list() {
    return collectAll(client.fineTuning.jobs.checkpoints.list(programInput.job, { limit: 1 }));
  },
  async projects_scope() {
    const project = await client.post("/organization/projects", { body: { name: programInput.client } });
    const inside = client.withOptions({ defaultHeaders: { "OpenAI-Project": project.id } });
    const names = async (within) => (await collectAll(within.files.list())).map((file) => file.filename);
    const before = await names(inside);
    await inside.files.create({ file: await toFile(Buffer.from("{}\n"), "inside.jsonl"), purpose: "fine-tune" });
    const outside = (await names(client)).filter((name) => name === "inside.jsonl");
    return { before, inside: await names(inside), outside };
  },
  async chat_plain() {
    return toJson(await client.chat.completions.create(chatRequest));
  },
  async chat_reasoning() {
    return (await client.chat.completions.create(chatRequest)).choices[0].message.reasoning;
  },
  async chat_stream() {
    const chunks = await collectAll(client.chat.completions.create({ ...chatRequest, stream: true }));
    const deltas = chunks.map((chunk) => chunk.choices[0].delta);
    return {
      content: deltas.map((delta) => delta.content ?? "").join(""),
      finish_reason: chunks.at(-1).choices[0].finish_reason,
      reasoning: deltas.map((delta) => delta.reasoning ?? "").join(""),
      role: deltas[0].role,
      usage: chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage),
    };
  },
  async chat_stream_usage() {
    const request = { ...chatRequest, stream: true, stream_options: { include_usage: true } };
    const chunks = await collectAll(client.chat.completions.create(request));
    const last = chunks.pop();
    const before = chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage);
    return { before, choices: last.choices, usage: last.usage };
  },
  async chat_stream_helper() {
    const final = await client.chat.completions.stream(chatRequest).finalChatCompletion();
    return [final.choices[0].message.content, final.choices[0].finish_reason];
  },
  async chat_tools() {
    const request = { ...chatRequest, tools: [TOOL], tool_choice: "required" };
    const [choice] = (await client.chat.completions.create(request)).choices;
    const [call] = choice.message.tool_calls;
    const parsed = valueTypes(JSON.parse(call.function.arguments));
    return [choice.finish_reason, choice.message.content, call.type, call.function.name, parsed];
  },
  async chat_tools_stream() {
    const request = { ...chatRequest, tools: [TOOL], tool_choice: "required", stream: true };
    const chunks = await collectAll(client.chat.completions.create(request));
    const calls = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    const name = calls.map((call) => call.function.name ?? "").join("");
    const parsed = JSON.parse(calls.map((call) => call.function.arguments ?? "").join(""));
    return [chunks.at(-1).choices[0].finish_reason, calls.every((call) => call.index === 0), name, valueTypes(parsed)];
  },
  async chat_tools_answered() {
    const request = { ...chatRequest, tools: [TOOL], tool_choice: "required" };
    const { message } = (await client.chat.completions.create(request)).choices[0];
    const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "17" };
    const again = { model: programInput.model, messages: [...messages, message, result], tools: [TOOL] };
    const [choice] = (await client.chat.completions.create(again)).choices;
    return [choice.finish_reason, Boolean(choice.message.content), choice.message.tool_calls ?? null];
  },
  async chat_json_schema() {
    const responseFormat = { type: "json_schema", json_schema: { name: "sum", strict: true, schema: SCHEMA } };
    const answer = await client.chat.completions.create({ ...chatRequest, response_format: responseFormat });
    return valueTypes(JSON.parse(answer.choices[0].message.content));
  },
  async chat_json_object() {
    const answer = await client.chat.completions.create({ ...chatRequest, response_format: { type: "json_object" } });
    const parsed = JSON.parse(answer.choices[0].message.content);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
  },
  async chat_unknown_model() {
    return catchApiError(() => client.chat.completions.create({ model: "gpt-4o", messages }));
  },
  async chat_zero_token_budget() {
    return catchApiError(() => client.chat.completions.create({ ...chatRequest, max_tokens: 0 }));
  },
  async responses_create() {
    const answer = await createResponse();
    ids.response = answer.id;
    const reasoning = answer.output.find((item) => item.type === "reasoning");
    return {
      model: answer.model === programInput.model,
      object: answer.object,
      reasoning: reasoning.content.map((part) => part.text),
      status: answer.status,
      text: answer.output_text,
      "usage adds up": answer.usage.input_tokens + answer.usage.output_tokens === answer.usage.total_tokens,
    };
  },
  async responses_retrieve() {
    const answer = await client.responses.retrieve(ids.response);
    return [answer.id === ids.response, answer.status, answer.output_text];
  },
  async responses_previous() {
    const answer = await createResponse({ input: "Are you sure?", previous_response_id: ids.response });
    return [answer.previous_response_id === ids.response, answer.status, Boolean(answer.output_text)];
  },
  async responses_stream() {
    return summarizeStream(await collectAll(createResponse({ stream: true })));
  },
  async responses_replay() {
    const { id } = await createResponse();
    return summarizeStream(await collectAll(client.responses.retrieve(id, { stream: true })));
  },
  async responses_stream_helper() {
    const stream = client.responses.stream({ model: programInput.model, input: programInput.prompt, temperature: 0 });
    try {
      const final = await stream.finalResponse();
      return [final.status, final.output_text];
    } catch (error) {
      return error.message.split(":")[0]; // the rest is the event
    }
  },
  async responses_tools() {
    const input = "How many books stand on shelf 3 of the library?";
    const answer = await createResponse({ input, tools: [{ type: "function", strict: true, ...FUNCTION }] });
    const call = answer.output.find((item) => item.type === "function_call");
    return [answer.status, call.name, Boolean(call.call_id), valueTypes(JSON.parse(call.arguments))];
  },
  async responses_background() {
    const answer = await createResponse({ background: true });
    const statuses = [answer.status];
    for (let time = 0; time < 5; time += 1) {
      const later = await client.responses.retrieve(answer.id);
      if (later.status !== statuses.at(-1)) statuses.push(later.status);
    }
    return statuses;
  },
  async responses_cancel() {
    const answer = await createResponse({ background: true });
    return (await client.responses.cancel(answer.id)).status;
  },
  async responses_delete() {
    await client.responses.delete(ids.response);
    const error = await catchApiError(() => client.responses.retrieve(ids.response));
    return { ...error, message: error.message.replace(ids.response, "RESPONSE") };
  },
  async responses_too_few_tokens() {
    const request = { model: programInput.model, input: "Hello", max_output_tokens: 15 };
    return catchApiError(() => client.responses.create(request));
  },
  async responses_of_qwen() {
    return catchApiError(() => client.responses.create({ model: QWEN, input: "Hello" }));
  },
  async key_garbled() {
    return catchApiError(() => client.withOptions({ apiKey: "not-a-key" }).models.list());
  },
  async key_altered() {
    const key = process.env.OPENAI_API_KEY;
    const start = key.lastIndexOf("-") + 1;
    const signed = Buffer.from(key.slice(start), "base64").toString();
    const altered = signed.replace(/(?<=X-Amz-Signature=)\w+/, "0".repeat(64));
    const apiKey = key.slice(0, start) + Buffer.from(altered).toString("base64");
    return catchApiError(() => client.withOptions({ apiKey }).models.list());
  },
};

for (const name of programInput.steps) {
  let line;
  try {
    line = { step: name, value: await steps[name]() };
  } catch (error) {
    line = { step: name, error: error.stack };
  }
  console.log(JSON.stringify(line));
}
