// The model in plain JavaScript: one position at a time, with everything in between kept.
//
// Letters: C channels, H heads, D = C / H channels of a head, N the longest text, V characters.
// All numbers are 32-bit floats in memory and 64-bit ones while they are added up.

"use strict";

/** The 65,536 values of a 16-bit float, by their bits. */
const HALVES = (() => {
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) values[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) values[bits] = fraction ? NaN : sign * Infinity;
    else values[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return values;
})();

/** The tensors of a model: {name: Float32Array}, from their list and the bytes in base64. */
function readTensors(list, text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const view = new DataView(bytes.buffer), tensors = {};
  let at = 0;
  for (const { name, size, half } of list) {
    const values = new Float32Array(size);
    for (let i = 0; i < size; i++, at += half ? 2 : 4) {
      values[i] = half ? HALVES[view.getUint16(at, true)] : view.getFloat32(at, true);
    }
    tensors[name] = values;
  }
  return tensors;
}

/** y = W x + b; W has a row of x.length weights for each of y's numbers. */
function linear(x, weight, bias) {
  const inputs = x.length, outputs = weight.length / inputs, y = new Float32Array(outputs);
  for (let o = 0, row = 0; o < outputs; o++, row += inputs) {
    let a = 0, b = 0, c = 0, d = 0, i = 0;
    for (; i + 3 < inputs; i += 4) {
      a += weight[row + i] * x[i];
      b += weight[row + i + 1] * x[i + 1];
      c += weight[row + i + 2] * x[i + 2];
      d += weight[row + i + 3] * x[i + 3];
    }
    for (; i < inputs; i++) a += weight[row + i] * x[i];
    y[o] = a + b + c + d + (bias ? bias[o] : 0);
  }
  return y;
}

function layerNorm(x, weight, bias) {
  let mean = 0, variance = 0;
  for (const value of x) mean += value;
  mean /= x.length;
  for (const value of x) variance += (value - mean) ** 2;
  const scale = 1 / Math.sqrt(variance / x.length + 1e-5);
  return x.map((value, i) => (value - mean) * scale * weight[i] + bias[i]);
}

/** The error function: its Taylor series near 0, a continued fraction elsewhere. */
function erf(x) {
  const z = Math.abs(x);
  if (z > 5.9) return Math.sign(x);
  if (z < 2.5) {
    let term = z, sum = z;
    for (let n = 1; n < 60 && Math.abs(term) > 1e-12 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * sum * 2 / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 30; k > 0; k--) fraction = (k / 2) / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

function softmax(scores) {
  let highest = -Infinity, total = 0;
  for (const value of scores) highest = Math.max(highest, value);
  const weights = scores.map((value) => Math.exp(value - highest));
  for (const value of weights) total += value;
  return weights.map((value) => value / total);
}

function logSoftmax(logits) {
  let highest = -Infinity, total = 0;
  for (const value of logits) highest = Math.max(highest, value);
  for (const value of logits) total += Math.exp(value - highest);
  return logits.map((value) => value - highest - Math.log(total));
}

const argmax = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
const sum = (a, b) => a.map((value, i) => value + b[i]);

class Model {
  constructor(about, text) {
    Object.assign(this, about); // n_layer, n_head, n_embd, max_length, scores, positions, ...
    this.tensors = readTensors(about.tensors, text);
    this.size = this.n_embd / this.n_head;
  }

  /** No character read yet. */
  start() {
    return { length: 0, keys: this.layers(() => []), values: this.layers(() => []) };
  }

  layers(make) {
    return Array.from({ length: this.n_layer }, (_, layer) => make(layer));
  }

  /** A copy that reads on by itself. What has been read is shared, for it does not change. */
  copy(state) {
    return { length: state.length, keys: state.keys.map((past) => past.slice()),
             values: state.values.map((past) => past.slice()) };
  }

  tensor(layer, name) {
    return this.tensors[`blocks.${layer}.${name}`];
  }

  project(layer, name, x) {
    return linear(x, this.tensor(layer, `${name}.weight`), this.tensor(layer, `${name}.bias`));
  }

  norm(layer, name, x) {
    return layerNorm(x, this.tensor(layer, `${name}.weight`), this.tensor(layer, `${name}.bias`));
  }

  /** What the first block reads: the character's channels and its position's. */
  embed(character, position) {
    const C = this.n_embd, own = this.tensors["tok_emb.weight"];
    const x = own.slice(character * C, (character + 1) * C), table = this.tensors.positions;
    return table ? sum(x, table.subarray(position * C, (position + 1) * C)) : x;
  }

  /** Queries and keys turned by their position, a pair of channels at a time (RoPE). */
  rotate(x, position) {
    if (!this.rotary) return x;
    const D = this.size, y = new Float32Array(x.length);
    for (let i = 0; i < x.length; i += 2) {
      const angle = position * 10000 ** (-(i % D) / D);
      const cos = Math.cos(angle), sin = Math.sin(angle);
      y[i] = x[i] * cos - x[i + 1] * sin;
      y[i + 1] = x[i] * sin + x[i + 1] * cos;
    }
    return y;
  }

  /** The scores of head h at this position against all positions so far. */
  headScores(layer, query, past, h) {
    const D = this.size, T = past.length, scores = new Float64Array(T);
    if (this.scores === "synthesizer") {
      const w2 = this.tensor(layer, "attn.w2"), b2 = this.tensor(layer, "attn.b2");
      const width = b2.length;
      for (let s = 0; s < T; s++) {
        let total = b2[s];
        for (let d = 0; d < D; d++) total += query[h * D + d] * w2[d * width + s];
        scores[s] = total;
      }
    } else {
      const scale = 1 / Math.sqrt(D);
      for (let s = 0; s < T; s++) {
        let total = 0;
        for (let d = h * D; d < (h + 1) * D; d++) total += query[d] * past[s][d];
        scores[s] = total * scale;
      }
    }
    if (this.slopes) for (let s = 0; s < T; s++) scores[s] -= this.slopes[h] * (T - 1 - s);
    return scores;
  }

  /** The attention's output at this position, and the weights of each head over those so far. */
  attention(layer, x, state) {
    const D = this.size, position = state.length, values = state.values[layer];
    let query, past = values;
    values.push(this.project(layer, "attn.value", x));
    if (this.scores === "synthesizer") {
      query = this.project(layer, "attn.w1", x).map((value) => Math.max(0, value));
    } else {
      query = this.rotate(this.project(layer, "attn.query", x), position);
      past = state.keys[layer];
      past.push(this.rotate(this.project(layer, "attn.key", x), position));
    }
    const y = new Float32Array(this.n_embd), weights = [];
    for (let h = 0; h < this.n_head; h++) {
      const own = softmax(this.headScores(layer, query, past, h));
      for (let s = 0; s < own.length; s++) {
        for (let d = h * D; d < (h + 1) * D; d++) y[d] += own[s] * values[s][d];
      }
      weights.push(own);
    }
    return { output: this.project(layer, "attn.proj", y), weights };
  }

  /** Read one character: {logits, residuals (embedding, then after each block), weights}. */
  read(state, character) {
    if (state.length >= this.max_length) throw new RangeError("the text is too long");
    let x = this.embed(character, state.length);
    const residuals = [x], weights = [];
    for (let layer = 0; layer < this.n_layer; layer++) {
      const attended = this.attention(layer, this.norm(layer, "ln1", x), state);
      x = sum(x, attended.output);
      const inner = this.project(layer, "mlp.0", this.norm(layer, "ln2", x)).map(gelu);
      x = sum(x, this.project(layer, "mlp.2", inner));
      weights.push(attended.weights);
      residuals.push(x);
    }
    state.length++;
    return { logits: this.lens(x), residuals, weights };
  }

  /** What these channels would say if they were the last ones: logits (V). */
  lens(x) {
    const { "ln_f.weight": weight, "ln_f.bias": bias, "head.weight": head } = this.tensors;
    return linear(layerNorm(x, weight, bias), head);
  }

  /** Read all characters: what `read` gives of each. */
  readAll(state, characters) {
    return characters.map((character) => this.read(state, character));
  }

  /** The logarithm of the probability that the text ends here. */
  endLogprob(logprobs) {
    return Math.log(this.stops.reduce((total, stop) => total + Math.exp(logprobs[stop]), 0));
  }

  /** Log-probability of `text` after `prompt` (lists of characters), its end not counted. */
  score(prompt, text) {
    const state = this.start();
    let { logits } = this.readAll(state, prompt).at(-1), total = 0;
    for (const character of text) {
      total += logSoftmax(logits)[character];
      ({ logits } = this.read(state, character));
    }
    return total;
  }

  /** The likeliest other answer than `text` that a few beams come across: {text, logprob}.
   *  `asked`: the state and the logits after the prompt, as `answering` gives them. */
  runnerUp(asked, text, width = 4) {
    let beams = [{ ...asked, text: [], logprob: 0 }];
    const same = (other) => other.length === text.length && other.every((c, i) => c === text[i]);
    let best = null;
    for (let step = 0; step < this.answer_length && beams.length; step++) {
      const next = [];
      for (const beam of beams) {
        const logprobs = logSoftmax(beam.logits);
        const end = beam.logprob + this.endLogprob(logprobs);
        if (!same(beam.text) && (!best || end > best.logprob)) best = { text: beam.text, logprob: end };
        const order = Array.from(logprobs.keys()).filter((c) => !this.stops.includes(c));
        order.sort((a, b) => logprobs[b] - logprobs[a]);
        for (const c of order.slice(0, width)) {
          next.push({ beam, character: c, logprob: beam.logprob + logprobs[c] });
        }
      }
      next.sort((a, b) => b.logprob - a.logprob);
      const kept = next.slice(0, width).filter(({ logprob }) => !best || logprob > best.logprob);
      beams = kept.map(({ beam, character, logprob }) => {
        const own = this.copy(beam.state);
        return { state: own, text: [...beam.text, character], logprob,
                 logits: this.read(own, character).logits };
      });
    }
    return best;
  }
}

/** The answer as it is generated: yields {character, ended, logprobs, traces, asked} for each, the
 *  end last. */
function* answering(model, prompt) {
  const state = model.start(), traces = model.readAll(state, prompt);
  const asked = { state: model.copy(state), logits: traces.at(-1).logits };
  for (let step = 0; ; step++) {
    const trace = traces.at(-1), logprobs = logSoftmax(trace.logits);
    const character = argmax(trace.logits);
    const ended = model.stops.includes(character);
    yield { character, ended, logprobs, traces, asked };
    if (ended || step + 1 === model.answer_length || state.length >= model.max_length) return;
    traces.push(model.read(state, character));
  }
}

/** The greedy answer: its characters, log-probability (its end counted) and all traces. */
function answer(model, prompt) {
  const text = [];
  let logprob = 0, traces = [];
  for (const step of answering(model, prompt)) {
    traces = step.traces;
    logprob += step.ended ? model.endLogprob(step.logprobs) : step.logprobs[step.character];
    if (!step.ended) text.push(step.character);
  }
  return { text, logprob, traces };
}

const logOdds = (logprob) => {
  const p = Math.min(logprob, -1e-9);
  return Math.max(-12, Math.min(12, p - Math.log(-Math.expm1(p))));
};

/** How sure to be of an answer: from its log-probability and that of its recall (or null). */
function confidence(logprob, recall, weights) {
  const [bias, own, recalled] = weights;
  const total = bias + own * logOdds(logprob) + recalled * logOdds(recall ?? logprob);
  return 1 / (1 + Math.exp(-total));
}

if (typeof module !== "undefined") module.exports = { Model, answer, confidence, erf };
