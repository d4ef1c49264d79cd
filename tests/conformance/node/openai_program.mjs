/* A conversation with the simulator through the OpenAI SDK for Node, the twin of the Python one beside this folder:
   the same steps under the same names tell the same values. It is run in the folder of the environment, and given the
   same JSON; `kind` names the package, which may be that of an older major version. */

import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const scene = JSON.parse(process.argv[2]);
const sdk = await import(pathToFileURL(join(process.cwd(), "node_modules", scene.kind, "index.mjs")).href);
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

const messages = [{ role: "user", content: scene.prompt }];
const question = { model: scene.model, messages, temperature: 0 };
const method = {
  type: "reinforcement",
  reinforcement: {
    grader: { type: "lambda", lambda: { function: scene.function } },
    hyperparameters: { batch_size: 4 },
  },
};

async function every(asked) {
  const things = [];
  for await (const thing of await asked) things.push(thing);
  return things;
}

function shown(thing) {
  const { id, created_at, created, _request_id, ...rest } = thing;
  return rest;
}

async function refusal(asking) {
  try {
    await asking();
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
  return "it was not refused";
}

async function upload(file) {
  const uploaded = await client.files.create({ file, purpose: "fine-tune" });
  ids[uploaded.filename] = uploaded.id;
  return shown(uploaded);
}

async function create(order) {
  const metadata = { client: scene.client, order };
  const job = await client.fineTuning.jobs.create({ model: BASE, training_file: ids["train.jsonl"], metadata, method });
  ids[order] = job.id;
  return job;
}

function respond(options = {}) {
  return client.responses.create({ model: scene.model, input: scene.prompt, temperature: 0, ...options });
}

// JSON and Python name the kinds of values differently; Python's names are the ones that the expectations use.
function kinds(of) {
  const named = (value) => (Number.isInteger(value) ? "int" : typeof value);
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, named(value)]));
}

function streamed(events) {
  const types = events.map((event) => event.type);
  const texts = events.filter((event) => event.type === "response.output_text.delta");
  return {
    numbers: events.every((event, place) => event.sequence_number === place),
    status: events.at(-1).response.status,
    text: texts.map((event) => event.delta).join(""),
    types: types.filter((name, place) => name !== types[place - 1]),
  };
}

const steps = {
  async models_list() {
    return (await every(client.models.list())).filter((model) => !model.id.startsWith("ft:")).map(shown);
  },
  async models_retrieve() {
    return shown(await client.models.retrieve(scene.model));
  },
  async models_unknown() {
    return refusal(() => client.models.retrieve("gpt-4o"));
  },
  async files_upload_path() {
    return upload(createReadStream(scene.training));
  },
  async files_upload_bytes() {
    return upload(await toFile(readFileSync(scene.training), "bytes.jsonl"));
  },
  async files_upload_stream() {
    return upload(await toFile(Readable.from([readFileSync(scene.training)]), "stream.jsonl"));
  },
  async files_list() {
    const own = new Set(Object.values(ids));
    const listed = await every(client.files.list({ limit: 1, purpose: "fine-tune" }));
    return listed.filter((file) => own.has(file.id)).map((file) => file.filename);
  },
  async files_retrieve() {
    return shown(await client.files.retrieve(ids["train.jsonl"]));
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
    return shown(await client.files.delete(ids["bytes.jsonl"]));
  },
  async files_deleted() {
    const refused = await refusal(() => client.files.retrieve(ids["bytes.jsonl"]));
    return { ...refused, message: refused.message.replace(ids["bytes.jsonl"], "FILE") };
  },
  async files_wrong_purpose() {
    const file = await toFile(Buffer.from("{}\n"), "a.jsonl");
    return refusal(() => client.files.create({ file, purpose: "batch" }));
  },
  async jobs_create() {
    const job = shown(await create("1"));
    return { ...job, training_file: job.training_file === ids["train.jsonl"] };
  },
  async jobs_list() {
    await create("2");
    await create("3");
    const listed = await every(client.fineTuning.jobs.list({ limit: 2 }));
    return listed.filter((job) => job.metadata?.client === scene.client).map((job) => job.metadata.order);
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
    const refused = await refusal(() => client.fineTuning.jobs.cancel(ids["1"]));
    return { ...refused, message: refused.message.replace(ids["1"], "JOB") };
  },
  async jobs_suffix() {
    const asked = { model: BASE, training_file: ids["train.jsonl"], suffix: "mine", method };
    return refusal(() => client.fineTuning.jobs.create(asked));
  },
  async jobs_unknown() {
    return refusal(() => client.fineTuning.jobs.retrieve("ftjob-none"));
  },
  async jobs_unknown_cursor() {
    return refusal(() => client.fineTuning.jobs.listEvents(scene.job, { after: "ft-event-abc123" }));
  },
  async jobs_finished() {
    const { _request_id, ...job } = await client.fineTuning.jobs.retrieve(scene.job);
    return job;
  },
  async events_list() {
    return every(client.fineTuning.jobs.listEvents(scene.job, { limit: 10 }));
  },
  async checkpoints_list() {
    return every(client.fineTuning.jobs.checkpoints.list(scene.job, { limit: 1 }));
  },
  async projects_scope() {
    const project = await client.post("/organization/projects", { body: { name: scene.client } });
    const inside = client.withOptions({ defaultHeaders: { "OpenAI-Project": project.id } });
    const names = async (within) => (await every(within.files.list())).map((file) => file.filename);
    const before = await names(inside);
    await inside.files.create({ file: await toFile(Buffer.from("{}\n"), "inside.jsonl"), purpose: "fine-tune" });
    const outside = (await names(client)).filter((name) => name === "inside.jsonl");
    return { before, inside: await names(inside), outside };
  },
  async chat_plain() {
    return shown(await client.chat.completions.create(question));
  },
  async chat_reasoning() {
    return (await client.chat.completions.create(question)).choices[0].message.reasoning;
  },
  async chat_stream() {
    const chunks = await every(client.chat.completions.create({ ...question, stream: true }));
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
    const asked = { ...question, stream: true, stream_options: { include_usage: true } };
    const chunks = await every(client.chat.completions.create(asked));
    const last = chunks.pop();
    const before = chunks.filter((chunk) => chunk.usage).map((chunk) => chunk.usage);
    return { before, choices: last.choices, usage: last.usage };
  },
  async chat_stream_helper() {
    const final = await client.chat.completions.stream(question).finalChatCompletion();
    return [final.choices[0].message.content, final.choices[0].finish_reason];
  },
  async chat_tools() {
    const asked = { ...question, tools: [TOOL], tool_choice: "required" };
    const [choice] = (await client.chat.completions.create(asked)).choices;
    const [call] = choice.message.tool_calls;
    const found = kinds(JSON.parse(call.function.arguments));
    return [choice.finish_reason, choice.message.content, call.type, call.function.name, found];
  },
  async chat_tools_stream() {
    const asked = { ...question, tools: [TOOL], tool_choice: "required", stream: true };
    const chunks = await every(client.chat.completions.create(asked));
    const calls = chunks.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    const name = calls.map((call) => call.function.name ?? "").join("");
    const found = JSON.parse(calls.map((call) => call.function.arguments ?? "").join(""));
    return [chunks.at(-1).choices[0].finish_reason, calls.every((call) => call.index === 0), name, kinds(found)];
  },
  async chat_tools_answered() {
    const asked = { ...question, tools: [TOOL], tool_choice: "required" };
    const { message } = (await client.chat.completions.create(asked)).choices[0];
    const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "17" };
    const again = { model: scene.model, messages: [...messages, message, result], tools: [TOOL] };
    const [choice] = (await client.chat.completions.create(again)).choices;
    return [choice.finish_reason, Boolean(choice.message.content), choice.message.tool_calls ?? null];
  },
  async chat_json_schema() {
    const form = { type: "json_schema", json_schema: { name: "sum", strict: true, schema: SCHEMA } };
    const answer = await client.chat.completions.create({ ...question, response_format: form });
    return kinds(JSON.parse(answer.choices[0].message.content));
  },
  async chat_json_object() {
    const answer = await client.chat.completions.create({ ...question, response_format: { type: "json_object" } });
    const found = JSON.parse(answer.choices[0].message.content);
    return typeof found === "object" && found !== null && !Array.isArray(found);
  },
  async chat_unknown_model() {
    return refusal(() => client.chat.completions.create({ model: "gpt-4o", messages }));
  },
  async chat_budget_of_none() {
    return refusal(() => client.chat.completions.create({ ...question, max_tokens: 0 }));
  },
  async responses_create() {
    const answer = await respond();
    ids.response = answer.id;
    const thought = answer.output.find((item) => item.type === "reasoning");
    return {
      model: answer.model === scene.model,
      object: answer.object,
      reasoning: thought.content.map((part) => part.text),
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
    const answer = await respond({ input: "Are you sure?", previous_response_id: ids.response });
    return [answer.previous_response_id === ids.response, answer.status, Boolean(answer.output_text)];
  },
  async responses_stream() {
    return streamed(await every(respond({ stream: true })));
  },
  async responses_replay() {
    const { id } = await respond();
    return streamed(await every(client.responses.retrieve(id, { stream: true })));
  },
  async responses_stream_helper() {
    const stream = client.responses.stream({ model: scene.model, input: scene.prompt, temperature: 0 });
    try {
      const final = await stream.finalResponse();
      return [final.status, final.output_text];
    } catch (error) {
      return error.message.split(":")[0]; // what follows is the event itself
    }
  },
  async responses_tools() {
    const input = "How many books stand on shelf 3 of the library?";
    const answer = await respond({ input, tools: [{ type: "function", strict: true, ...FUNCTION }] });
    const call = answer.output.find((item) => item.type === "function_call");
    return [answer.status, call.name, Boolean(call.call_id), kinds(JSON.parse(call.arguments))];
  },
  async responses_background() {
    const answer = await respond({ background: true });
    const statuses = [answer.status];
    for (let time = 0; time < 5; time += 1) {
      const later = await client.responses.retrieve(answer.id);
      if (later.status !== statuses.at(-1)) statuses.push(later.status);
    }
    return statuses;
  },
  async responses_cancel() {
    const answer = await respond({ background: true });
    return (await client.responses.cancel(answer.id)).status;
  },
  async responses_delete() {
    await client.responses.delete(ids.response);
    const refused = await refusal(() => client.responses.retrieve(ids.response));
    return { ...refused, message: refused.message.replace(ids.response, "RESPONSE") };
  },
  async responses_too_few_tokens() {
    return refusal(() => client.responses.create({ model: scene.model, input: "Hello", max_output_tokens: 15 }));
  },
  async responses_of_qwen() {
    return refusal(() => client.responses.create({ model: QWEN, input: "Hello" }));
  },
  async key_garbled() {
    return refusal(() => client.withOptions({ apiKey: "not-a-key" }).models.list());
  },
  async key_altered() {
    const key = process.env.OPENAI_API_KEY;
    const start = key.lastIndexOf("-") + 1;
    const signed = Buffer.from(key.slice(start), "base64").toString();
    const altered = signed.replace(/(?<=X-Amz-Signature=)\w+/, "0".repeat(64));
    const apiKey = key.slice(0, start) + Buffer.from(altered).toString("base64");
    return refusal(() => client.withOptions({ apiKey }).models.list());
  },
};

for (const name of scene.steps) {
  let line;
  try {
    line = { step: name, value: await steps[name]() };
  } catch (error) {
    line = { step: name, error: error.stack };
  }
  console.log(JSON.stringify(line));
}
