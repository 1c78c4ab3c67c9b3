
"use strict";
const at = (id) => document.getElementById(id);
const NOTHING = "–";
let models = [];
let asked = "";
let running = new AbortController();

// Whatever comes from a text, a label or a name enters as text, never as markup.
function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

async function ask(path, message, signal) {
  const options = message && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(message), signal,
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)} %`;
const readsPairs = () => models.some((model) => model.pairs);
const labels = () => [...new Set(models.flatMap((model) => model.task === "regression" ? [] : model.labels))];

const number = (value) => value.toFixed(2).replace("-", "−");

// One label, any number of them, or a number.
function inWords(answer) {
  if (answer.value !== undefined) return number(answer.value);
  if (answer.labels) return answer.labels.join(", ") || "none";
  return answer.label;
}

function showModels() {
  const tasks = new Set(models.map((model) => model.task));
  const heading = tasks.size > 1 ? "Answer" : { single_label: "Label", multi_label: "Labels" }[[...tasks][0]] || "Answer";
  const headings = ["Model", heading, ...labels(), "Time"].map((name) => element("th", name));
  headings.forEach((heading) => { heading.scope = "col"; });
  at("answers").tHead.rows[0].replaceChildren(...headings);
  showAnswers({}, {});
}

function showAnswers(answers, milliseconds) {
  at("answers").tBodies[0].replaceChildren(...models.map((model) => {
    const row = element("tr", "", model.kind);
    const name = element("th", model.name.replace("teacher/", ""));
    name.scope = "row";
    name.append(element("small", model.kind));
    row.append(name, ...cells(model, answers[model.name] || {}));
    const time = milliseconds[model.name];
    row.append(element("td", time === undefined ? NOTHING : `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`));
    return row;
  }));
}

function cells(model, answer) {
  const label = element("td", inWords(answer) || answer.refused || NOTHING, "best");
  if (answer.refused) label.append(element("small", "refused"));
  if (answer.sure === false) label.append(element("small", "unsure"));
  return [label, ...labels().map((name) => {
    const share = answer.probabilities && answer.probabilities[name];
    const cell = element("td", share === undefined ? NOTHING : percent(share), "share");
    if (share === undefined) return cell;
    cell.classList.toggle("best", name === answer.label || Boolean(answer.labels && answer.labels.includes(name)));
    const bar = element("span", "", "bar");
    bar.style.setProperty("--share", share);
    cell.append(bar);
    return cell;
  })];
}

// "All 5 models say positive.", or who says what.
function summary(answers) {
  const said = new Map();
  for (const { name } of models) {
    const what = inWords(answers[name]) || `refused (${answers[name].refused})`;
    said.set(what, [...(said.get(what) || []), name]);
  }
  const all = models.length === 2 ? "Both" : `All ${models.length}`;
  if (said.size === 1 && models.length > 1) return `${all} models say ${[...said.keys()][0]}.`;
  return [...said].map(([what, names]) => `${what}: ${names.join(", ")}`).join("; ") + ".";
}

function showWords(found) {
  at("words").hidden = Boolean(found.refused);
  if (found.refused) return;
  const characters = Array.from(found.text);
  const largest = Math.max(...found.words.map((word) => Math.abs(word.weight)));
  // Of a probability points of a hundred, of a number what it is made of.
  const isNumber = found.value !== undefined;
  const digits = isNumber ? 2 : largest < 0.03 ? 1 : 0;
  const parts = [];
  let end = 0;
  for (const word of found.words) {
    parts.push(characters.slice(end, word.start).join(""));
    const points = ((isNumber ? 1 : 100) * Math.abs(word.weight)).toFixed(digits);
    const part = element("span", characters.slice(word.start, word.end).join(""), word.weight < 0 ? "word against" : "word for");
    // Where no word matters much, none is to look as if it did.
    part.style.setProperty("--size", Math.abs(word.weight) / Math.max(largest, 0.05));
    part.append(element("small", Number(points) ? `${word.weight > 0 ? "+" : "−"}${points}` : ""));
    parts.push(part);
    end = word.end;
  }
  at("weighed").replaceChildren(...parts, characters.slice(end).join(""));
  const left = [
    [found.unweighed, "after them were not weighed"], [found.unread, "beyond the length that the model reads"],
  ].filter(([number]) => number).map(([number, what]) => `${number} ${what}`);
  const reading = isNumber
    ? `The number is ${number(found.value)}. Beside a word stands by how much it raises (+) or lowers (−) it.`
    : `The label is ${found.label}, with ${percent(found.probability)}. A number says how many of these points the ` +
      "model loses (+) or gains (−) without the word: + speaks for the label, − against it.";
  at("reading").textContent =
    reading +
    (left.length ? ` Further words: ${left.join("; ")}.` : "");
}

async function attempt(work) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  at("error").textContent = "";
  try {
    await work(signal);
  } catch (fault) {
    if (signal.aborted) return;
    at("status").textContent = "";
    at("error").textContent = fault instanceof TypeError ? "The server does not answer." : fault.message;
  }
}

const explain = async (signal) => showWords(await ask("explain", { text: asked, model: at("model").value }, signal));

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async (signal) => {
    const text = at("text").value;
    at("status").textContent = "The models read…";
    const message = readsPairs() ? { texts: [text], text_pairs: [at("second").value] } : { texts: [text] };
    const { answers: [answers], milliseconds } = await ask("classify", message, signal);
    asked = text;
    showAnswers(answers, milliseconds);
    at("status").textContent = summary(answers);
    if (!readsPairs()) await explain(signal);
  });
});

for (const field of ["text", "second"]) at(field).addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("ask").requestSubmit();
});

at("model").addEventListener("change", () => attempt(explain));

attempt(async () => {
  const found = await ask("models");
  models = found.models;
  at("text").maxLength = at("second").maxLength = found.limits.max_characters;
  at("pair").hidden = !readsPairs();
  at("second").required = readsPairs();
  if (readsPairs()) {
    at("headline").textContent = "Type two texts; every model says what it makes of them.";
    at("first").textContent = "First text";
  }
  // Only of one label of several a model says whether it is sure.
  at("unsure").hidden = !models.some((model) => model.task === "single_label");
  at("model").replaceChildren(...models.map(({ name }) => element("option", name)));
  showModels();
});
