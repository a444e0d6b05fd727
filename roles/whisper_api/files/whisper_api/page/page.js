"use strict";

const at = (id) => document.getElementById(id);
const KEY = "whisper-api-key";
let recorder = null;
let segments = [];

function headers() {
  const key = at("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function say(status, error = "") {
  at("status").textContent = status;
  at("error").textContent = error;
}

async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `The server answered with status ${answer.status}.`;
  }
}

async function listModels() {
  const answer = await fetch("v1/models", { headers: headers() }).catch(() => null);
  at("model").replaceChildren();
  if (!answer || !answer.ok) {
    say("", answer ? await reason(answer) : "The server cannot be reached.");
    return;
  }
  say("");
  for (const model of (await answer.json()).data) {
    at("model").add(new Option(model.id));
  }
}

function clock(seconds, separator = ",", whole = true) {
  const milliseconds = Math.round(seconds * 1000);
  const part = (value, digits) => String(Math.floor(value)).padStart(digits, "0");
  const time = `${part((milliseconds / 60000) % 60, 2)}:${part((milliseconds / 1000) % 60, 2)}`;
  return whole ? `${part(milliseconds / 3600000, 2)}:${time}${separator}${part(milliseconds % 1000, 3)}` : time;
}

function begin(sound) {
  segments = [];
  at("segments").replaceChildren();
  URL.revokeObjectURL(at("sound").src);
  at("sound").src = URL.createObjectURL(sound);
}

function add(said) {
  for (const segment of said) {
    const line = document.createElement("li");
    const time = document.createElement("time");
    const text = document.createElement("span");
    time.textContent = clock(segment.start, ",", segment.start >= 3600);
    text.textContent = segment.text.trim();
    line.append(time, text);
    at("segments").append(line);
    segments.push(segment);
  }
  at("result").hidden = false;
}

// fetch() does not say how much of an upload is sent.
function transcribe(sound, name) {
  const form = new FormData();
  for (const id of ["model", "language"]) {
    if (at(id).value) {
      form.append(id, at(id).value);
    }
  }
  form.append("response_format", "verbose_json");
  form.append("stream", "true");
  form.append("file", sound, name);
  const request = new XMLHttpRequest();
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  let step = "Sending";
  const timer = setInterval(() => say(`${step}: ${seconds()} s`), 1000);
  at("progress").hidden = false;
  at("result").hidden = true;
  begin(sound);
  say(step);
  request.upload.onprogress = (event) => {
    at("progress").max = event.total;
    at("progress").value = event.loaded;
  };
  request.upload.onload = () => {
    step = "Waiting for the transcript";
    at("progress").removeAttribute("value");
    say(step);
  };
  let read = 0;
  let failure = "";
  request.onprogress = () => {
    const end = request.responseText.lastIndexOf("\n\n");
    if (request.status !== 200 || end < read) {
      return;
    }
    for (const line of request.responseText.slice(read, end).split("\n\n")) {
      const event = JSON.parse(line.slice("data: ".length));
      failure = event.error ? event.error.message : failure;
      add(event.segments || []);
    }
    read = end + 2;
  };
  request.onloadend = async () => {
    clearInterval(timer);
    at("progress").hidden = true;
    if (failure) {
      say("", failure);
    } else if (request.status === 200) {
      say(`Done in ${seconds()} s`);
    } else if (request.status) {
      say("", await reason(new Response(request.responseText, { status: request.status })));
    } else {
      say("", "The connection broke.");
    }
  };
  request.open("POST", "v1/audio/transcriptions");
  for (const [name, value] of Object.entries(headers())) {
    request.setRequestHeader(name, value);
  }
  request.send(form);
}

async function record() {
  if (recorder) {
    recorder.stop();
    return;
  }
  if (!navigator.mediaDevices) {
    say("", "Browsers give the microphone to pages over HTTPS, or on this machine, only. Choose a file instead.");
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    say("", `The microphone cannot be used: ${error.message}`);
    return;
  }
  const pieces = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    stream.getTracks().forEach((track) => track.stop());
    const kind = recorder.mimeType;
    recorder = null;
    at("record").textContent = "Record";
    at("record").setAttribute("aria-pressed", "false");
    transcribe(new Blob(pieces, { type: kind }), kind.includes("mp4") ? "speech.mp4" : "speech.webm");
  };
  recorder.start();
  at("record").textContent = "Stop";
  at("record").setAttribute("aria-pressed", "true");
  say("Recording");
}

function text() {
  return segments.map((segment) => segment.text.trim()).join("\n") + "\n";
}

function srt() {
  return segments
    .map((one, index) => `${index + 1}\n${clock(one.start)} --> ${clock(one.end)}\n${one.text.trim()}\n\n`)
    .join("");
}

function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

at("settings").onsubmit = (event) => event.preventDefault();
at("key").onchange = () => {
  sessionStorage.setItem(KEY, at("key").value);
  listModels();
};
at("record").onclick = record;
at("file").onchange = () => {
  const [file] = at("file").files;
  at("file").value = "";
  if (file) {
    transcribe(file, file.name);
  }
};
at("input").ondragover = (event) => {
  event.preventDefault();
  at("input").classList.add("over");
};
at("input").ondragleave = () => at("input").classList.remove("over");
at("input").ondrop = (event) => {
  event.preventDefault();
  at("input").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) {
    transcribe(file, file.name);
  }
};
at("copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(text());
    say("Copied");
  } catch (error) {
    say("", `The text cannot be copied: ${error.message}`);
  }
};
at("text").onclick = () => save(text(), "transcript.txt");
at("srt").onclick = () => save(srt(), "transcript.srt");
at("key").value = sessionStorage.getItem(KEY) || "";
listModels();
